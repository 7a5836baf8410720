from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yingda.v1 import answer_pb2, assignment_pb2, event_pb2, message_pb2

from engine.domain import Presence
from engine.errors import ContentionError, StorageError
from engine.routing.policy import UNIT
from engine.stores.sqlite import SQLiteStore, open_store
from tests.fakes import (
    TENANT,
    ContestedStore,
    Desk,
    loads,
    make_agent,
    make_batch,
    make_desk,
    make_message,
    make_reply,
)


def process(desk: Desk, *messages: message_pb2.Message) -> list[answer_pb2.MessageAnswer]:
    return [answer_pb2.MessageAnswer.FromString(one) for one in desk.pipeline.process(make_batch(*messages))]


def journal(desk: Desk, conversation_id: str, tenant: str = TENANT) -> list[event_pb2.MessageReceived]:
    return [
        event_pb2.MessageReceived.FromString(one.event.data)
        for one in desk.store.events(tenant, conversation_id, 0, 999)
        if one.event.kind == "message_received"
    ]


def hire(desk: Desk, tenant: str = TENANT, capacity: int = 2) -> None:
    desk.team.put(tenant, make_agent(capacity=capacity * UNIT))
    desk.team.set_presence(tenant, "ann", Presence.ONLINE)


def test_an_answer_says_what_was_read(desk: Desk) -> None:
    (answer,) = process(desk, make_message("refund.request now!"))

    analysis = answer.analysis
    assert (analysis.intent, analysis.skill) == ("refund.request", "finance")
    assert analysis.confidence == pytest.approx(0.9)
    assert [one.intent for one in analysis.candidates] == [
        "refund.request",
        "shipping.track",
        "chat.greeting",
    ]
    assert (analysis.sentiment, analysis.is_angry) == (1, True)
    assert analysis.anger == pytest.approx(0.9)
    assert (analysis.language, analysis.bundle_id) == ("en", "fake-1")


def test_an_uncertain_text_is_out_of_scope_but_its_candidates_are_told(desk: Desk) -> None:
    (answer,) = process(desk, make_message("是吗"))

    assert (answer.analysis.intent, answer.analysis.skill) == ("out_of_scope", "general")
    assert [one.confidence for one in answer.analysis.candidates] == pytest.approx([1 / 3] * 3)
    assert answer.analysis.language == "zh"


def test_answers_come_in_the_order_of_the_messages(desk: Desk) -> None:
    intents = ["refund.request", "shipping.track", "chat.greeting"] * 20
    messages = [make_message(intent, customer_id=f"cu{n}") for n, intent in enumerate(intents)]

    assert [answer.analysis.intent for answer in process(desk, *messages)] == intents


def test_messages_of_one_conversation_are_processed_in_order(desk: Desk) -> None:
    hire(desk)
    first, second = process(desk, make_message("refund.request"), make_message("shipping.track"))

    assert first.conversation_id == second.conversation_id
    assert first.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED
    assert second.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_KEPT
    assert [one.message.text for one in journal(desk, first.conversation_id)] == [
        "refund.request",
        "shipping.track",
    ]


def test_the_journal_holds_every_message_as_it_came_and_as_it_was_answered(desk: Desk) -> None:
    message = make_message("shipping.track 在哪", metadata={"order": "7"}, locale="zh-CN")
    (answer,) = process(desk, message)
    (record,) = journal(desk, answer.conversation_id)

    assert record.message == message
    assert record.answer == answer


def test_fields_of_a_newer_release_are_journaled_too(desk: Desk) -> None:
    raw = make_message(message_id="new").SerializeToString() + b"\xfa\x3f\x03abc"  # field 127
    batch = replace(make_batch(make_message(message_id="new")), raw=[raw])
    answer = answer_pb2.MessageAnswer.FromString(desk.pipeline.process(batch)[0])
    (stored,) = desk.store.events(TENANT, answer.conversation_id, 0, 9)

    assert raw in stored.event.data


def test_a_duplicate_in_one_batch_gets_the_first_answer(desk: Desk) -> None:
    hire(desk)
    message = make_message("refund.request")
    changed = make_message("shipping.track", message_id=message.message_id)
    first, second, third = process(desk, message, changed, message)

    assert [one.duplicate for one in (first, second, third)] == [False, True, True]
    first.duplicate = True
    assert first == second == third
    assert len(journal(desk, first.conversation_id)) == 1
    assert loads(desk.store) == {"ann": 1}


def test_a_duplicate_in_a_later_batch_gets_the_first_answer(desk: Desk) -> None:
    message = make_message("refund.request")
    (first,) = process(desk, message)
    hire(desk)
    desk.clock.advance(1000)
    other, second = process(desk, make_message(customer_id="cu2"), message)

    assert (other.duplicate, second.duplicate) == (False, True)
    assert second.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED
    first.duplicate = True
    assert second == first
    assert len(journal(desk, first.conversation_id)) == 1


def test_a_duplicate_does_not_reopen_its_conversation(desk: Desk) -> None:
    message = make_message()
    (first,) = process(desk, message)
    closed = desk.lifecycle.close(TENANT, first.conversation_id)
    process(desk, message)

    found = desk.store.conversations(TENANT, [first.conversation_id])
    assert found == {first.conversation_id: closed}


def test_the_same_id_on_another_channel_or_of_another_tenant_is_another_message(desk: Desk) -> None:
    answers = process(
        desk,
        make_message(message_id="m", channel=1),
        make_message(message_id="m", channel=2),
        make_message(message_id="m", channel=1, tenant="shop2"),
    )

    assert [answer.duplicate for answer in answers] == [False] * 3


def test_an_id_with_odd_characters_is_a_name_like_any_other(desk: Desk) -> None:
    odd = ["a\x00b", "a", "'", '"', "1:a", "客户"]
    messages = [make_message(message_id=one, customer_id=f"cu{one}") for one in odd]
    process(desk, *messages)

    assert [answer.duplicate for answer in process(desk, *messages)] == [True] * len(odd)
    assert len({answer.conversation_id for answer in process(desk, *messages)}) == len(odd)


def test_tenants_in_one_batch_share_nothing(desk: Desk) -> None:
    hire(desk, tenant="shop")
    answers = process(desk, *(make_message(tenant=tenant) for tenant in ("shop", "shop2", "shop")))

    assert [answer.assignment.agent_id for answer in answers] == ["ann", "", "ann"]
    assert len(journal(desk, answers[0].conversation_id, "shop")) == 2
    assert len(journal(desk, answers[1].conversation_id, "shop2")) == 1


def test_suggestions_are_of_the_tenant_and_the_language(desk: Desk) -> None:
    desk.assist.bookkeeper.put("shop", [make_reply("ours", intent="shipping.track")])
    desk.assist.bookkeeper.put("shop", [make_reply("中", intent="shipping.track", language="zh")])
    desk.assist.bookkeeper.put("shop2", [make_reply("theirs", intent="shipping.track")])
    answers = process(desk, make_message(), make_message("shipping.track 在哪"), make_message(tenant="shop2"))

    offered = [[one.reply_id for one in answer.suggestions] for answer in answers]
    assert offered == [["ours"], ["中"], ["theirs"]]


def test_no_more_than_three_replies_come_with_an_answer(desk: Desk) -> None:
    for number in range(9):
        desk.assist.bookkeeper.put(TENANT, [make_reply(f"r{number}", intent="shipping.track")])
    (answer,) = process(desk, make_message())

    assert len(answer.suggestions) == 3


def test_a_stale_commit_is_decided_again(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    hire(desk, capacity=1)

    def rival(_: SQLiteStore) -> None:  # another engine gives the last place away
        process(desk, make_message(customer_id="first"))

    contested = make_desk(ContestedStore(embedded, [rival]))
    (answer,) = process(contested, make_message(customer_id="second"))

    assert answer.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED
    assert loads(embedded) == {"ann": 1}
    assert len(journal(desk, answer.conversation_id)) == 1


def test_a_message_that_another_engine_answers_meanwhile_gets_that_answer(embedded: SQLiteStore) -> None:
    message, desk = make_message(), make_desk(embedded)
    first: list[answer_pb2.MessageAnswer] = []
    contested = make_desk(ContestedStore(embedded, [lambda _: first.extend(process(desk, message))]))
    answer, other = process(contested, message, make_message(customer_id="cu2"))

    assert (answer.duplicate, other.duplicate) == (True, False)
    answer.duplicate = False
    assert [answer] == first
    assert len(journal(desk, answer.conversation_id)) == 1


def test_a_stale_tenant_does_not_hold_up_the_others(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    process(desk, make_message())
    store = ContestedStore(embedded, [lambda _: process(desk, make_message())])
    ours, theirs = process(make_desk(store), make_message(), make_message(tenant="shop2"))

    assert len(journal(desk, ours.conversation_id)) == 3
    assert len(journal(desk, theirs.conversation_id, "shop2")) == 1
    assert store.commits == 2


def test_a_state_that_changes_under_every_attempt_is_an_error(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    process(desk, make_message())
    store = ContestedStore(embedded, [lambda _: process(desk, make_message())] * 99)
    message = make_message("lost")

    with pytest.raises(ContentionError, match="20 attempts; try again"):
        process(make_desk(store), message)
    assert store.commits == 20
    assert process(desk, message)[0].duplicate is False


def test_a_message_that_could_not_be_kept_is_not_answered(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    embedded._db.execute("PRAGMA max_page_count = 1")
    message = make_message("x" * 8000)

    with pytest.raises(StorageError):
        process(desk, message, *(make_message("x" * 8000, customer_id=f"cu{n}") for n in range(20)))
    embedded._db.execute("PRAGMA max_page_count = 1000000")
    assert process(desk, message)[0].duplicate is False


MESSAGES = st.lists(
    st.builds(
        lambda number, text, conversation_id, customer_id: make_message(
            text, message_id=f"m{number}", conversation_id=conversation_id, customer_id=customer_id
        ),
        st.integers(0, 20),
        st.sampled_from(["shipping.track", "refund.request", "chat.greeting", "?"]),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["cu1", "cu2"]),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=25)
@given(messages=MESSAGES, cut=st.integers(0, 10), capacity=st.integers(1, 3))
def test_how_messages_are_batched_decides_nothing(
    messages: list[message_pb2.Message], cut: int, capacity: int
) -> None:
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name, batches in (
            ("single", [[message] for message in messages]),
            ("batched", [batch for batch in (messages[:cut], messages[cut:]) if batch]),
        ):
            store = stack.enter_context(closing(open_store(Path(folder) / name, sync="normal")))
            desk = make_desk(store)
            hire(desk, capacity=capacity)
            answers = [answer for batch in batches for answer in process(desk, *batch)]
            kept = [replace(one, version=0) for one in store.list_conversations(TENANT, None, None, 99)]
            outcomes.append((answers, kept, loads(store)))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("locale", "language"),
    [("", "en"), ("zh-CN", "zh"), ("zh", "zh"), ("en_GB", "en"), ("fr", "en"), ("zhuang", "en")],
)
def test_a_locale_that_names_a_language_decides_it(desk: Desk, locale: str, language: str) -> None:
    (answer,) = process(desk, make_message("shipping.track", locale=locale))

    assert answer.analysis.language == language
