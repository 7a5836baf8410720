"""Answers joined from fragments are what protobuf builds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from yingda.v1.answer_pb2 import MessageAnswer

from engine.domain import Advice, AnalysisBatch, Assignment, Outcome, Reply, Suggestion, Term
from engine.servicers import convert
from engine.servicers.answer import AnswerWriter

NAMES = ("shipping.when", "refund.status", "chat.greeting")
PROBABILITY = st.floats(0, 1, width=32)
TEXT = st.text(max_size=300)
REPLIES = st.builds(
    Reply,
    reply_id=TEXT,
    intent=st.just(""),
    language=st.just("zh"),
    title=TEXT,
    text=TEXT,
    slots=st.lists(TEXT, max_size=3).map(tuple),
)
SUGGESTIONS = st.lists(
    st.builds(
        Suggestion, reply=REPLIES, score=st.floats(-2, 2, width=32), similarity=PROBABILITY, filled=st.none()
    ),
    max_size=3,
)
ASSIGNMENTS = st.builds(
    Assignment,
    outcome=st.sampled_from(Outcome),
    agent_id=TEXT,
    agent_name=TEXT,
    skill=TEXT,
    reason=TEXT,
    terms=st.lists(st.builds(Term, name=TEXT, value=PROBABILITY), max_size=2).map(tuple),
    relaxation=st.integers(0, 4),
)


@st.composite
def _analyses(draw: st.DrawFn) -> AnalysisBatch:
    probability = np.array([[draw(PROBABILITY) for _ in NAMES]], dtype=np.float32)
    return AnalysisBatch(
        bundle_id=draw(TEXT),
        intent_names=NAMES,
        skill_of=dict.fromkeys(NAMES, "order"),
        intents=[draw(st.sampled_from(NAMES))],
        skills=[draw(TEXT)],
        languages=["zh"],
        confidence=[draw(PROBABILITY)],
        candidates=np.array([[2, 0, 1]]),
        candidate_confidence=probability[:, [2, 0, 1]],
        sentiments=[draw(st.integers(0, 2))],
        anger=[draw(PROBABILITY)],
        is_angry=[draw(st.booleans())],
        probability=probability,
        embedding=np.zeros((1, 4), dtype=np.float32),
    )


@given(TEXT, _analyses(), ASSIGNMENTS, SUGGESTIONS)
def test_an_answer_of_fragments_is_the_one_protobuf_builds(
    conversation_id: str, analysis: AnalysisBatch, assignment: Assignment, suggestions: list[Suggestion]
) -> None:
    built = MessageAnswer(
        conversation_id=conversation_id,
        analysis=convert.analyses_to_proto(analysis)[0],
        assignment=convert.assignment_to_proto(assignment),
        suggestions=[convert.suggestion_to_proto(one) for one in suggestions],
    )
    writer = AnswerWriter()

    for _ in range(2):  # from fresh fragments, then from remembered ones
        (written,) = writer.write([conversation_id], analysis, [assignment], [Advice(suggestions)])
        assert MessageAnswer.FromString(written) == built
