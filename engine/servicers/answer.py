"""Answers as bytes, joined from fragments that repeat from message to message.

Building protobuf objects for an answer is dear (`python -m benchmarks.profile` shows it as "encode answers"). Names,
texts of replies and the reasons for keeping an agent repeat, so they are serialised once; numbers are packed beside
them. A test compares the outcome with what protobuf builds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import TypeVar

from yingda.v1.analysis_pb2 import Analysis, IntentScore
from yingda.v1.answer_pb2 import MessageAnswer
from yingda.v1.reply_pb2 import Suggestion as SuggestionProto

from engine.domain import Advice, AnalysisBatch, Assignment, Reply, Suggestion
from engine.servicers import convert, wire

K = TypeVar("K")
_KEPT = 65536  # fragments of a kind that are remembered

_READING = Struct("<BfBBBfBB")  # confidence, sentiment, anger, is_angry, each behind its tag
_CONFIDENCE = Struct("<Bf")
_SCORES = Struct("<BfBf")  # score and similarity
_T_CONFIDENCE = wire.tag_of_float(Analysis.CONFIDENCE_FIELD_NUMBER)
_T_SENTIMENT = wire.tag_of_varint(Analysis.SENTIMENT_FIELD_NUMBER)
_T_ANGER = wire.tag_of_float(Analysis.ANGER_FIELD_NUMBER)
_T_IS_ANGRY = wire.tag_of_varint(Analysis.IS_ANGRY_FIELD_NUMBER)
_T_CANDIDATE = wire.tag_of_float(IntentScore.CONFIDENCE_FIELD_NUMBER)
_T_SCORE = wire.tag_of_float(SuggestionProto.SCORE_FIELD_NUMBER)
_T_SIMILARITY = wire.tag_of_float(SuggestionProto.SIMILARITY_FIELD_NUMBER)


class AnswerWriter:
    """Writes serialised MessageAnswers. Called from one thread."""

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str, str, str], bytes] = {}
        self._candidates: dict[str, bytes] = {}
        self._assignments: dict[Assignment, bytes] = {}
        self._replies: dict[Reply, bytes] = {}

    def write(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """One per row."""
        analyses = self._analyses(analysis)
        return [
            b"".join(
                (
                    wire.field(MessageAnswer.CONVERSATION_ID_FIELD_NUMBER, conversation_id.encode()),
                    wire.field(MessageAnswer.ANALYSIS_FIELD_NUMBER, read),
                    self._assignment(assignment),
                    *[self._suggestion(one) for one in advised.suggestions],
                    _auto_reply(advised),
                )
            )
            for conversation_id, read, assignment, advised in zip(
                conversation_ids, analyses, assignments, advice, strict=True
            )
        ]

    def _analyses(self, batch: AnalysisBatch) -> list[bytes]:
        names = batch.intent_names
        readings = zip(batch.intents, batch.skills, batch.languages, strict=True)
        numbers = zip(batch.confidence, batch.sentiments, batch.anger, batch.is_angry, strict=True)
        candidates = zip(batch.candidates.tolist(), batch.candidate_confidence.tolist(), strict=True)
        return [
            b"".join(
                (
                    _kept(self._readings, (*reading, batch.bundle_id), _reading),
                    _numbers(*number),
                    *[
                        self._candidate(names[column], confidence)
                        for column, confidence in zip(columns, confidences, strict=True)
                    ],
                )
            )
            for reading, number, (columns, confidences) in zip(readings, numbers, candidates, strict=True)
        ]

    def _candidate(self, intent: str, confidence: float) -> bytes:
        return _kept(self._candidates, intent, _candidate_head) + _CONFIDENCE.pack(_T_CANDIDATE, confidence)

    def _assignment(self, assignment: Assignment) -> bytes:
        if assignment.terms or assignment.reservation_id:  # made for one conversation, not to come again
            return _assignment(assignment)
        return _kept(self._assignments, assignment, _assignment)

    def _suggestion(self, suggestion: Suggestion) -> bytes:
        if suggestion.filled is not None:  # with this customer's facts, not to come again
            made = convert.suggestion_to_proto(suggestion).SerializeToString()
            return wire.field(MessageAnswer.SUGGESTIONS_FIELD_NUMBER, made)
        numbers = _SCORES.pack(_T_SCORE, suggestion.score, _T_SIMILARITY, suggestion.similarity)
        return _kept(self._replies, suggestion.reply, _suggestion_head) + numbers


def _kept(kept: dict[K, bytes], key: K, make: Callable[[K], bytes]) -> bytes:
    if (known := kept.get(key)) is not None:
        return known
    if len(kept) >= _KEPT:
        kept.clear()
    made = kept[key] = make(key)
    return made


def _reading(names: tuple[str, str, str, str]) -> bytes:
    intent, skill, language, bundle_id = names
    return Analysis(intent=intent, skill=skill, language=language, bundle_id=bundle_id).SerializeToString()


def _numbers(confidence: float, sentiment: int, anger: float, is_angry: bool) -> bytes:
    number = convert.SENTIMENT_NUMBERS[sentiment]
    return _READING.pack(
        _T_CONFIDENCE, confidence, _T_SENTIMENT, number, _T_ANGER, anger, _T_IS_ANGRY, is_angry
    )


def _candidate_head(intent: str) -> bytes:
    """An IntentScore up to its confidence, framed for all of it."""
    return _head(
        Analysis.CANDIDATES_FIELD_NUMBER, IntentScore(intent=intent).SerializeToString(), _CONFIDENCE
    )


def _suggestion_head(reply: Reply) -> bytes:
    """A Suggestion up to its numbers, framed for all of it."""
    fixed = SuggestionProto(reply_id=reply.reply_id, title=reply.title, text=reply.text, slots=reply.slots)
    return _head(MessageAnswer.SUGGESTIONS_FIELD_NUMBER, fixed.SerializeToString(), _SCORES)


def _assignment(assignment: Assignment) -> bytes:
    made = convert.assignment_to_proto(assignment).SerializeToString()
    return wire.field(MessageAnswer.ASSIGNMENT_FIELD_NUMBER, made)


def _auto_reply(advice: Advice) -> bytes:
    if advice.auto_reply is None:
        return b""
    made = convert.auto_reply_to_proto(advice.auto_reply).SerializeToString()
    return wire.field(MessageAnswer.AUTO_REPLY_FIELD_NUMBER, made)


def _head(number: int, fixed: bytes, numbers: Struct) -> bytes:
    return wire.field(number, fixed + bytes(numbers.size))[: -numbers.size]
