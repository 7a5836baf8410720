"""Journals that rules are tried on, and what came of it: protobuf to values and back; pure."""

from __future__ import annotations

from collections.abc import Sequence

from yingda.v1 import rule_service_pb2 as pb

from engine.servicers.convert import timestamp
from engine.servicers.convert_rule import verdicts_to_proto
from engine.workflow.inspection import Level, RuleFinding
from engine.workflow.reading import Recorded
from engine.workflow.rule_desk import Explanation
from engine.workflow.trial import Trial

_LEVELS = {level: pb.RuleFindingLevel.Value(f"RULE_FINDING_LEVEL_{level.name}") for level in Level}


def trials_to_proto(
    trials: Sequence[Trial], events: Sequence[Recorded], messages: int
) -> pb.TestRulesResponse:
    """Of one page of the journal."""
    return pb.TestRulesResponse(
        trials=[trial_to_proto(one) for one in trials],
        messages=messages,
        through_time=timestamp(events[-1].time_ms) if events else None,
    )


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
