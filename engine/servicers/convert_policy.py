"""Routing policies: protobuf to what is given of them, and the whole back; pure."""

from __future__ import annotations

from typing import Any

from yingda.v1 import rule_service_pb2 as pb

from engine.routing.policies import Overrides
from engine.routing.policy import MINUTE, Policy
from engine.servicers import check
from engine.servicers.convert import duration, milliseconds

_SECOND = 1000  # milliseconds
_PLAIN = ("require_language", "min_proficiency", "overflow_team", "auto_accept", "max_angry_streak")
_SPANS = (
    ("sla", "sla", MINUTE),
    ("offer", "offer_seconds", _SECOND),
    ("wrap_up", "wrap_up_seconds", _SECOND),
)


def overrides_from_proto(policy: pb.RoutingPolicy) -> Overrides:
    """What is given. Raises: InvalidArgumentError."""
    check.at_most("policy.overflow_team", policy.overflow_team, check.MAX_NAME)
    fields = {field.name: value for field, value in policy.ListFields()}
    given: dict[str, Any] = {name: fields[name] for name in _PLAIN if name in fields}
    for part in ("weights", "order"):
        if part in fields:
            given[part] = {field.name: value for field, value in fields[part].ListFields()}
    for field, name, unit in _SPANS:
        if field in fields:
            given[name] = milliseconds(fields[field]) / unit
    return given


def policy_to_proto(policy: Policy) -> pb.RoutingPolicy:
    """All of it that a tenant may put."""
    weights, order = policy.weights, policy.order
    return pb.RoutingPolicy(
        weights=pb.RoutingWeights(
            proficiency=weights.proficiency,
            free_capacity=weights.free_capacity,
            language=weights.language,
            last_agent=weights.last_agent,
            preferred_agent=weights.preferred_agent,
            de_escalation=weights.de_escalation,
        ),
        order=pb.RoutingOrder(priority=order.priority, vip=order.vip, anger=order.anger, sla=order.sla),
        require_language=policy.require_language,
        min_proficiency=policy.min_proficiency,
        sla=duration(round(policy.sla * MINUTE)),
        overflow_team=policy.overflow_team,
        auto_accept=policy.auto_accept,
        offer=duration(round(policy.offer_seconds * _SECOND)),
        wrap_up=duration(round(policy.wrap_up_seconds * _SECOND)),
        max_angry_streak=policy.max_angry_streak,
        version=policy.version,
    )
