"""Answers as bytes, joined from fragments that repeat from message to message.

Building protobuf objects for an answer is dear (`python -m benchmarks.profile` shows it as "encode answers"). Names,
texts of replies and the reasons for keeping an agent repeat, so they are serialised once; numbers are packed beside
them. A test compares the outcome with what protobuf builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, repeat
from operator import add
from struct import Struct
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from yingda.v1.analysis_pb2 import Analysis, IntentScore
from yingda.v1.answer_pb2 import MessageAnswer
from yingda.v1.assignment_pb2 import Assignment as AssignmentProto
from yingda.v1.assignment_pb2 import ScoreTerm
from yingda.v1.reply_pb2 import Suggestion as SuggestionProto

from engine.domain import Advice, AnalysisBatch, Assignment, AutoReply, Outcome, Reply, Suggestion
from engine.servicers import convert, wire

K = TypeVar("K")
V = TypeVar("V")
_KEPT = 65536  # fragments of a kind that are remembered
_FEW = 8192  # of those that many answers share

_READING = np.dtype(
    [
        ("confidence_tag", "u1"),
        ("confidence", "<f4"),
        ("sentiment_tag", "u1"),
        ("sentiment", "u1"),
        ("anger_tag", "u1"),
        ("anger", "<f4"),
        ("is_angry_tag", "u1"),
        ("is_angry", "u1"),
    ]
)  # the numbers of an Analysis, each behind its tag
_PAIR = np.dtype(
    [("score_tag", "u1"), ("score", "<f4"), ("similarity_tag", "u1"), ("similarity", "<f4")]
)  # the numbers of a Suggestion
_CONFIDENCE = Struct("<Bf")
_T_CANDIDATE = wire.tag_of_float(IntentScore.CONFIDENCE_FIELD_NUMBER)
_FLOAT = Struct("<f")
_T_OUTCOME = wire.tag_of_varint(AssignmentProto.OUTCOME_FIELD_NUMBER)
_T_RELAXATION = wire.tag_of_varint(AssignmentProto.RELAXATION_FIELD_NUMBER)
_SENTIMENTS = np.array(list(convert.SENTIMENT_NUMBERS), dtype=np.uint8)


class AnswerWriter:
    """Writes serialised MessageAnswers. Called from one thread.

    What is remembered of an object is found by its identity, and remembered with it, so that neither is taken for
    another's.
    """

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str, str, str], bytes] = {}
        self._candidates: dict[tuple[str, ...], list[bytes]] = {}  # of a bundle's intents
        self._assignments: dict[int, tuple[Assignment, bytes]] = {}
        self._replies: dict[int, tuple[Reply, bytes]] = {}

    def write(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """One per row."""
        names = [one.encode() for one in conversation_ids]
        analyses = self._analyses(analysis)
        columns = zip(
            wire.framed(MessageAnswer.CONVERSATION_ID_FIELD_NUMBER, names),
            names,
            wire.framed(MessageAnswer.ANALYSIS_FIELD_NUMBER, analyses),
            analyses,
            map(self._assignment, assignments),
            self._suggestions([one.suggestions for one in advice]),
            [b"" if one.auto_reply is None else _auto_reply(one.auto_reply) for one in advice],
            strict=True,
        )
        return list(map(b"".join, columns))

    def _analyses(self, batch: AnalysisBatch) -> list[bytes]:
        names = zip(batch.intents, batch.skills, batch.languages, repeat(batch.bundle_id))
        readings = [self._readings.get(one) or _kept(self._readings, one, _reading) for one in names]
        heads = _kept(self._candidates, tuple(batch.intent_names), _candidate_heads)
        columns: list[Sequence[bytes]] = [readings, _numbers(batch)]
        confidences = np.ascontiguousarray(batch.candidate_confidence.T, dtype="<f4").view("V4")
        for places, numbers in zip(batch.candidates.T.tolist(), confidences.tolist(), strict=True):
            columns += [heads[place] for place in places], numbers
        return list(map(b"".join, zip(*columns, strict=True)))

    def _assignment(self, assignment: Assignment) -> bytes:
        if assignment.terms or assignment.reservation_id:  # made for one conversation, not to come again
            return _assignment(assignment)
        return _kept_of(self._assignments, assignment, _assignment)

    def _suggestions(self, lists: Sequence[Sequence[Suggestion]]) -> Iterator[bytes]:
        """Those of each row, joined; all are written in one go, for a call for each of them is dear."""
        some = list(chain.from_iterable(lists))
        if not some:
            return repeat(b"", len(lists))
        replies, scores, similarities, filled = zip(*some, strict=True)
        known = map(self._replies.get, map(id, replies))
        heads = [one[1] if one else self._head(reply) for one, reply in zip(known, replies, strict=True)]
        written = list(map(add, heads, _pairs(scores, similarities)))
        if any(filled):  # with this customer's facts, not to come again
            pairs = zip(some, written, strict=True)
            written = [_filled_suggestion(one) if one.filled else made for one, made in pairs]
        left = iter(written)
        return (b"".join(islice(left, len(one))) for one in lists)

    def _head(self, reply: Reply) -> bytes:
        return _kept_of(self._replies, reply, _suggestion_head)


def _kept_of(kept: dict[int, tuple[V, bytes]], one: V, make: Callable[[V], bytes]) -> bytes:
    known = kept.get(id(one))
    return known[1] if known else _kept(kept, id(one), lambda _: (one, make(one)))[1]


def _kept(kept: dict[K, V], key: K, make: Callable[[K], V]) -> V:
    if (known := kept.get(key)) is not None:
        return known
    if len(kept) >= _KEPT:
        kept.clear()
    made = kept[key] = make(key)
    return made


def _reading(names: tuple[str, str, str, str]) -> bytes:
    intent, skill, language, bundle_id = names
    return Analysis(intent=intent, skill=skill, language=language, bundle_id=bundle_id).SerializeToString()


def _numbers(batch: AnalysisBatch) -> list[bytes]:
    numbers = np.empty(len(batch.intents), dtype=_READING)
    numbers["confidence_tag"] = wire.tag_of_float(Analysis.CONFIDENCE_FIELD_NUMBER)
    numbers["confidence"] = batch.confidence
    numbers["sentiment_tag"] = wire.tag_of_varint(Analysis.SENTIMENT_FIELD_NUMBER)
    numbers["sentiment"] = _SENTIMENTS[batch.sentiments]
    numbers["anger_tag"] = wire.tag_of_float(Analysis.ANGER_FIELD_NUMBER)
    numbers["anger"] = batch.anger
    numbers["is_angry_tag"] = wire.tag_of_varint(Analysis.IS_ANGRY_FIELD_NUMBER)
    numbers["is_angry"] = batch.is_angry
    return _rows(numbers)


def _pairs(scores: Sequence[float], similarities: Sequence[float]) -> list[bytes]:
    numbers = np.empty(len(scores), dtype=_PAIR)
    numbers["score_tag"] = wire.tag_of_float(SuggestionProto.SCORE_FIELD_NUMBER)
    numbers["score"] = scores
    numbers["similarity_tag"] = wire.tag_of_float(SuggestionProto.SIMILARITY_FIELD_NUMBER)
    numbers["similarity"] = similarities
    return _rows(numbers)


def _rows(numbers: npt.NDArray[np.void]) -> list[bytes]:
    """Each row's bytes."""
    rows: list[bytes] = numbers.view(f"V{numbers.itemsize}").tolist()
    return rows


def _candidate_heads(intents: tuple[str, ...]) -> list[bytes]:
    return list(map(_candidate_head, intents))


def _candidate_head(intent: str) -> bytes:
    """An IntentScore up to the four bytes of its confidence, framed for all of it."""
    score = IntentScore(intent=intent).SerializeToString() + _CONFIDENCE.pack(_T_CANDIDATE, 0)
    return wire.field(Analysis.CANDIDATES_FIELD_NUMBER, score)[:-4]


def _filled_suggestion(suggestion: Suggestion) -> bytes:
    made = convert.suggestion_to_proto(suggestion).SerializeToString()
    return wire.field(MessageAnswer.SUGGESTIONS_FIELD_NUMBER, made)


def _suggestion_head(reply: Reply) -> bytes:
    """A Suggestion up to its numbers, framed for all of it."""
    fixed = SuggestionProto(reply_id=reply.reply_id, title=reply.title, text=reply.text, slots=reply.slots)
    made = fixed.SerializeToString() + bytes(_PAIR.itemsize)
    return wire.field(MessageAnswer.SUGGESTIONS_FIELD_NUMBER, made)[: -_PAIR.itemsize]


def _assignment(assignment: Assignment) -> bytes:
    outcome, skill, reason, agent_id, agent_name, terms, relaxation, reservation_id, policy_version = (
        assignment
    )
    made = b"".join(
        (
            _who(outcome, agent_id, agent_name, skill),
            wire.text(AssignmentProto.REASON_FIELD_NUMBER, reason),
            *[_term_head(name) + _FLOAT.pack(value) for name, value in terms],
            _by_what(relaxation, policy_version),
            wire.text(AssignmentProto.RESERVATION_ID_FIELD_NUMBER, reservation_id) if reservation_id else b"",
        )
    )
    return wire.field(MessageAnswer.ASSIGNMENT_FIELD_NUMBER, made)


@lru_cache(maxsize=_FEW)
def _who(outcome: Outcome, agent_id: str, agent_name: str, skill: str) -> bytes:
    return b"".join(
        (
            bytes((_T_OUTCOME, convert.OUTCOME_NUMBERS[outcome])),
            wire.text(AssignmentProto.AGENT_ID_FIELD_NUMBER, agent_id),
            wire.text(AssignmentProto.AGENT_NAME_FIELD_NUMBER, agent_name),
            wire.text(AssignmentProto.SKILL_FIELD_NUMBER, skill),
        )
    )


@lru_cache(maxsize=_FEW)
def _by_what(relaxation: int, policy_version: str) -> bytes:
    version = wire.text(AssignmentProto.POLICY_VERSION_FIELD_NUMBER, policy_version)
    return bytes((_T_RELAXATION, relaxation)) + version


@lru_cache(maxsize=64)
def _term_head(name: str) -> bytes:
    """A ScoreTerm up to the four bytes of its value, framed for all of it."""
    value = bytes((wire.tag_of_float(ScoreTerm.VALUE_FIELD_NUMBER), 0, 0, 0, 0))
    term = wire.text(ScoreTerm.NAME_FIELD_NUMBER, name) + value
    return wire.field(AssignmentProto.TERMS_FIELD_NUMBER, term)[:-4]


def _auto_reply(auto_reply: AutoReply) -> bytes:
    made = convert.auto_reply_to_proto(auto_reply).SerializeToString()
    return wire.field(MessageAnswer.AUTO_REPLY_FIELD_NUMBER, made)
