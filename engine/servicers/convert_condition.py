"""Spans of the week in rules: protobuf to values and back; pure."""

from __future__ import annotations

from yingda.v1 import agent_pb2, rule_pb2

from engine.domain import Shift
from engine.routing.shift import DAY
from engine.servicers import check
from engine.workflow.rule import Hours


def hours_from_proto(hours: rule_pb2.RuleHours, key: str) -> Hours:
    """Raises: InvalidArgumentError, naming the key."""
    check.count(f"{key}.spans", len(hours.spans), 1, 32)
    for number, one in enumerate(hours.spans):
        place = f"{key}.spans[{number}]"
        check.between(f"{place}.weekday", one.weekday, 1, 7)
        check.between(f"{place}.start_minute", one.start_minute, 0, DAY - 1)
        check.between(f"{place}.end_minute", one.end_minute, one.start_minute + 1, 2 * DAY)
    check.time_zone(f"{key}.time_zone", hours.time_zone)
    return Hours(
        spans=tuple(
            Shift(weekday=one.weekday, start_minute=one.start_minute, end_minute=one.end_minute)
            for one in hours.spans
        ),
        time_zone=hours.time_zone or "UTC",
        outside=hours.outside,
    )


def hours_to_proto(hours: Hours) -> rule_pb2.RuleHours:
    """All of it."""
    return rule_pb2.RuleHours(
        spans=[
            agent_pb2.Shift(weekday=one.weekday, start_minute=one.start_minute, end_minute=one.end_minute)
            for one in hours.spans
        ],
        time_zone=hours.time_zone,
        outside=hours.outside,
    )
