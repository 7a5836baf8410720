"""Journaled messages, as the engine's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from yingda.v1 import analysis_pb2, answer_pb2, assignment_pb2, event_pb2

from engine.domain import AnalysisBatch, Assignment, MessageBatch, Outcome
from engine.servicers import codec, convert

Skills = Mapping[str, Mapping[str, str]]  # by bundle, each intent's skill
_CANDIDATES: Final = 3
_OUTCOMES: Final[Mapping[int, Outcome]] = {
    number: outcome for outcome, number in convert.OUTCOME_NUMBERS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The messages of one commit, what was read in them, and what was decided."""

    batch: MessageBatch
    bundle_ids: Sequence[str]
    analysis: AnalysisBatch
    assignments: Sequence[Assignment]


def told(received: Sequence[event_pb2.MessageReceived], skills: Skills) -> Told:
    """From one or more messages, in order."""
    return Told(
        batch=codec.decode([one.message.SerializeToString() for one in received]),
        bundle_ids=[one.answer.analysis.bundle_id for one in received],
        analysis=analysis([one.answer.analysis for one in received], skills),
        assignments=[assignment(one.answer.assignment) for one in received],
    )


def analysis(found: Sequence[analysis_pb2.Analysis], skills: Skills) -> AnalysisBatch:
    """What was read then. Probabilities of all intents and embeddings are not journaled."""
    names = sorted({one.intent for read in found for one in read.candidates})
    columns = {name: column for column, name in enumerate(names)}
    most = max(len(read.candidates) for read in found)
    candidates = np.zeros((len(found), most), dtype=np.int64)
    confidence = np.zeros((len(found), most), dtype=np.float32)
    for row, read in enumerate(found):
        for place, one in enumerate(read.candidates):
            candidates[row, place] = columns[one.intent]
            confidence[row, place] = one.confidence
    return AnalysisBatch(
        bundle_id=found[0].bundle_id,
        intent_names=names,
        skill_of=_skill_of(found, skills),
        intents=[one.intent for one in found],
        skills=[one.skill for one in found],
        languages=[one.language for one in found],
        confidence=[one.confidence for one in found],
        candidates=candidates,
        candidate_confidence=confidence,
        sentiments=[convert.SENTIMENT_NUMBERS.index(one.sentiment) for one in found],
        anger=[one.anger for one in found],
        is_angry=[one.is_angry for one in found],
        probability=np.zeros((len(found), 0), dtype=np.float32),
        embedding=np.zeros((len(found), 0), dtype=np.float32),
    )


def assignment(found: assignment_pb2.Assignment) -> Assignment:
    """The decision, without its terms."""
    return Assignment(
        outcome=_OUTCOMES[found.outcome],
        agent_id=found.agent_id,
        agent_name=found.agent_name,
        skill=found.skill,
        reason=found.reason,
        relaxation=found.relaxation,
        reservation_id=found.reservation_id,
        policy_version=found.policy_version,
    )


def answered(read: analysis_pb2.Analysis, made: assignment_pb2.Assignment) -> bytes:
    """A serialised MessageReceived of which only the decision is told."""
    answer = answer_pb2.MessageAnswer(analysis=read, assignment=made)
    return event_pb2.MessageReceived(answer=answer).SerializeToString()


def _skill_of(found: Sequence[analysis_pb2.Analysis], skills: Skills) -> Mapping[str, str]:
    """Of all the bundles that read, and of each intent acted on."""
    merged: dict[str, str] = {}
    for bundle_id in dict.fromkeys(one.bundle_id for one in found):
        merged |= skills.get(bundle_id, {})
    # Without the journal's word on a bundle, an intent's skill is known where it was acted on.
    return merged | {one.intent: one.skill for one in found}
