from __future__ import annotations

from dataclasses import replace

import pytest
from yingda.v1 import answer_pb2

from engine.assist import ticket
from engine.assist.adviser import Returned
from engine.assist.memory import Feedback, Memory
from engine.assist.ticket import Ticket
from engine.domain import FeedbackOutcome
from engine.errors import InvalidArgumentError, NotFoundError
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, FakeClock, make_batch, make_message, make_reply

OF = Ticket(intent="refund.request")


def feedback(number: int = 0, **changes: object) -> Feedback:
    made = Feedback(
        request_id=f"f{number}",
        shown=("a", "b", "c"),
        outcome=FeedbackOutcome.ACCEPTED,
        reply_id="b",
        reply_text="text",
        sent_text="",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def memory(embedded: SQLiteStore) -> Memory:
    return Memory(store=embedded.assist, clock=FakeClock())


def test_feedback_is_counted_in_the_replies_health(memory: Memory) -> None:
    memory.record(TENANT, feedback(1), OF)
    edited = feedback(2, outcome=FeedbackOutcome.EDITED, reply_text="abcd", sent_text="abcx")
    memory.record(TENANT, edited, OF)
    memory.record(TENANT, feedback(3, outcome=FeedbackOutcome.IGNORED, reply_id=""), OF)

    records = memory.learned(TENANT).records
    assert (records["b"].shown, records["b"].accepted, records["b"].edited) == (3, 1, 1)
    assert records["b"].reward == pytest.approx(1.75)
    assert (records["a"].shown, records["a"].taken_ms) == (3, 0)


def test_the_same_request_counts_once(memory: Memory) -> None:
    assert memory.record(TENANT, feedback(1), OF) == (1.0, False)
    assert memory.record(TENANT, feedback(1, reply_id="c"), OF) == (1.0, True)
    assert memory.learned(TENANT).records["b"].accepted == 1


def test_what_was_learned_outlives_the_process(memory: Memory, embedded: SQLiteStore) -> None:
    memory.record(TENANT, feedback(), replace(OF, arms="LSL"))
    again = Memory(store=embedded.assist, clock=FakeClock())

    assert again.load(TENANT) == memory.learned(TENANT)
    assert again.load("other").records == {}


def test_a_click_in_a_mixed_list_is_credited_to_who_put_it_there(memory: Memory) -> None:
    memory.record(TENANT, feedback(1), replace(OF, arms="LSL"))
    memory.record(TENANT, feedback(2, reply_id="c"), replace(OF, arms="LSL"))
    memory.record(TENANT, feedback(3), OF)

    assert memory.learned(TENANT).guard.static == pytest.approx(1)
    assert memory.learned(TENANT).guard.learned == pytest.approx(1)


def test_a_reply_that_the_list_did_not_hold_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidArgumentError, match="more replies than the list had"):
        memory.record(TENANT, feedback(reply_id="c"), replace(OF, arms="LS"))

    assert memory.learned(TENANT).records == {}


def test_a_ticket_comes_back_as_it_was() -> None:
    one = Ticket(intent="refund.request", typed="退h", arms="LS")

    assert ticket.from_text(one.to_text()) == one


@pytest.mark.parametrize("text", ["x", "AAAA", "!!", "W10", "WyJhIiwiYiIsIlEiXQ", "é", "W251bGwsMSwyXQ"])
def test_a_ticket_that_was_never_given_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="list_id: is not one that SuggestReplies gave"):
        ticket.from_text(text)


def test_feedback_on_the_list_of_a_message_needs_only_its_conversation(desk: Desk) -> None:
    desk.assist.bookkeeper.put(TENANT, [make_reply(name, intent="refund.request") for name in "abc"])
    desk.pipeline.process(make_batch(make_message("refund.request", conversation_id="k")))
    returned = Returned(feedback=feedback(), list_id="", conversation_id="k")

    assert desk.assist.adviser.record(TENANT, returned) == (1.0, False)
    evidence = desk.assist.reviewer.records(TENANT)["b"].evidence
    assert list(evidence) == ["i:refund.request"]


def test_feedback_on_what_is_not_there_is_refused(desk: Desk) -> None:
    unknown_reply = Returned(feedback=feedback(), list_id=OF.to_text(), conversation_id="")
    desk.assist.bookkeeper.put(TENANT, [make_reply("b")])
    unknown_conversation = Returned(feedback=feedback(), list_id="", conversation_id="k")

    with pytest.raises(NotFoundError, match="shop has no conversation k"):
        desk.assist.adviser.record(TENANT, unknown_conversation)
    desk.assist.bookkeeper.delete(TENANT, "b")
    with pytest.raises(NotFoundError, match="shop has no reply b"):
        desk.assist.adviser.record(TENANT, unknown_reply)


def test_what_agents_take_comes_first_the_next_time(desk: Desk) -> None:
    replies = [make_reply(name, text="same words", intent="refund.request") for name in "abcd"]
    desk.assist.bookkeeper.put(TENANT, replies)
    for number in range(10):
        shown = ("a", "b", "c", "d")
        taken = feedback(number, shown=shown, reply_id="d")
        desk.assist.bookkeeper.record(TENANT, taken, OF)
    (data,) = desk.pipeline.process(make_batch(make_message("refund.request")))
    answer = answer_pb2.MessageAnswer.FromString(data)

    assert answer.suggestions[0].reply_id == "d"
