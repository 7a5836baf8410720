"""Journals that rules are tried on, and what came of it: protobuf to values and back; pure."""

from __future__ import annotations

from collections.abc import Sequence

from yingda.v1 import assignment_pb2, event_pb2
from yingda.v1 import rule_service_pb2 as pb

from engine.servicers.codec_workflow import reading_from_proto
from engine.servicers.convert import milliseconds, timestamp
from engine.servicers.convert_rule import verdicts_to_proto
from engine.workflow.inspection import Level, RuleFinding
from engine.workflow.rule_desk import Explanation
from engine.workflow.trial import Recorded, Trial

_LEVELS = {level: pb.RuleFindingLevel.Value(f"RULE_FINDING_LEVEL_{level.name}") for level in Level}


def recorded_from_proto(events: Sequence[event_pb2.Event]) -> list[Recorded]:
    """In order."""
    return [_recorded(one) for one in events]


def trial_to_proto(trial: Trial) -> pb.RuleTrial:
    """All of it."""
    return pb.RuleTrial(
        rule_id=trial.rule.rule_id,
        conversation_id=trial.conversation_id,
        message_id=trial.message_id,
        time=timestamp(trial.time_ms),
        checks=verdicts_to_proto(trial.verdicts),
        actions=trial.rule.action_names,
        fired=trial.has_fired,
    )


def explanation_to_proto(one: Explanation) -> pb.RuleExplanation:
    """All of it."""
    return pb.RuleExplanation(
        rule_id=one.rule.rule_id,
        fires=one.fires,
        hindrance=one.hindrance if one.holds else "",
        checks=verdicts_to_proto(one.verdicts),
        actions=one.rule.action_names,
    )


def finding_to_proto(one: RuleFinding) -> pb.RuleFinding:
    """All of it."""
    return pb.RuleFinding(level=_LEVELS[one.level], rule_id=one.rule_id, key=one.key, message=one.message)


def _recorded(event: event_pb2.Event) -> Recorded:
    kind = event.WhichOneof("kind")
    received = event.message_received
    is_queued = received.answer.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED
    return Recorded(
        conversation_id=event.conversation_id,
        time_ms=milliseconds(event.create_time),
        reading=reading_from_proto(received, is_queued=is_queued) if kind == "message_received" else None,
        relaxation=event.requirement_relaxed.relaxation,
        is_assigned=kind == "conversation_assigned",
        is_closed=kind == "conversation_closed",
        fired_rule_id=event.rule_fired.rule_id,
    )
