from __future__ import annotations

from dataclasses import replace

import pytest
from yingda.v1 import answer_pb2, message_pb2

from engine.assist import auto_reply
from engine.assist.auto_reply import Policies, Policy
from engine.domain import AutoReplyDecision
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, make_batch, make_message, make_reply

POLICY = Policy(enabled=True, intents=("shipping.track",), min_confidence=0.5, min_similarity=-1.0)
REPLY = make_reply("track", text="it is on its way", intent="shipping.track")


def answer(desk: Desk, message: message_pb2.Message) -> answer_pb2.MessageAnswer:
    (data,) = desk.pipeline.process(make_batch(message))
    return answer_pb2.MessageAnswer.FromString(data)


@pytest.fixture
def alone(desk: Desk) -> Desk:
    """A desk that may answer alone."""
    desk.assist.bookkeeper.put(TENANT, [REPLY])
    desk.assist.policies.put(TENANT, POLICY)
    return desk


def test_it_is_off_unless_it_was_switched_on(desk: Desk) -> None:
    assert not answer(desk, make_message("shipping.track")).HasField("auto_reply")


def test_it_says_that_it_is_a_bot_offers_a_human_and_tells_why(alone: Desk) -> None:
    sent = answer(alone, make_message("shipping.track")).auto_reply

    assert sent.decision == answer_pb2.AUTO_REPLY_DECISION_SENT
    assert sent.text.startswith("[Automatic reply from our bot. Write “agent” for a person.]")
    assert sent.text.endswith("it is on its way")
    assert "confidence" in sent.reason
    assert sent.reply_id == "track"


def test_the_decision_is_in_the_journal(alone: Desk) -> None:
    given = answer(alone, make_message("shipping.track"))
    (record,) = alone.store.assist.recent_records(TENANT, given.conversation_id, 9)

    assert b"Automatic reply" in record


@pytest.mark.parametrize(
    ("policy", "text", "decision"),
    [
        (replace(POLICY, intents=()), "shipping.track", AutoReplyDecision.INTENT),
        (POLICY, "refund.request", AutoReplyDecision.INTENT),
        (replace(POLICY, min_confidence=0.999), "shipping.track", AutoReplyDecision.CONFIDENCE),
        (POLICY, "shipping.track now!", AutoReplyDecision.ANGER),
        (replace(POLICY, min_similarity=0.99), "shipping.track", AutoReplyDecision.SIMILARITY),
        (replace(POLICY, reply_ids=("another",)), "shipping.track", AutoReplyDecision.REPLY),
    ],
)
def test_what_stands_against_it_is_named(
    alone: Desk, policy: Policy, text: str, decision: AutoReplyDecision
) -> None:
    alone.assist.policies.put(TENANT, policy)
    held = answer(alone, make_message(text)).auto_reply

    assert held.decision == answer_pb2.AutoReplyDecision.Value(f"AUTO_REPLY_DECISION_{decision.name}")
    assert held.text == ""
    assert held.reason


def test_an_open_slot_holds_it_and_a_fact_lets_it_go(alone: Desk) -> None:
    alone.assist.bookkeeper.put(
        TENANT, [replace(REPLY, text="{order_id} is on its way", slots=("order_id",))]
    )
    held = answer(alone, make_message("shipping.track")).auto_reply
    sent = answer(alone, make_message("shipping.track", metadata={"order_id": "A1"})).auto_reply

    assert held.decision == answer_pb2.AUTO_REPLY_DECISION_SLOT
    assert held.reason == "nothing fills order_id"
    assert sent.text.endswith("A1 is on its way")


def test_a_policy_outlives_the_process(embedded: SQLiteStore) -> None:
    Policies(store=embedded.assist).put(TENANT, POLICY)

    assert Policies(store=embedded.assist).of(TENANT) == POLICY
    assert Policies(store=embedded.assist).of("other") == Policy()


def test_a_surer_intent_and_a_longer_lead_make_it_surer() -> None:
    base = auto_reply.probability(1.0, 0.1)

    assert auto_reply.probability(3.0, 0.1) > base
    assert auto_reply.probability(1.0, 0.4) > base
    assert 0 < auto_reply.probability(-20, 0) < auto_reply.probability(20, 3) <= 1


def test_a_policy_that_names_replies_lets_those_go_and_survives(alone: Desk, embedded: SQLiteStore) -> None:
    policy = replace(POLICY, reply_ids=("track",))
    alone.assist.policies.put(TENANT, policy)

    assert answer(alone, make_message("shipping.track")).auto_reply.text
    assert Policies(store=embedded.assist).of(TENANT) == policy


def test_a_rehearsal_tells_what_would_be_sent_and_sends_nothing(alone: Desk) -> None:
    alone.assist.policies.put(TENANT, replace(POLICY, enabled=False, intents=()))
    rehearsal, texts = alone.assist.rehearsal, ["shipping.track", "shipping.track now!"]
    calm, angry = rehearsal.trials(TENANT, texts, rehearsal.read(texts))

    assert (calm.auto_reply.decision, calm.auto_reply.reply_id) == (AutoReplyDecision.SENT, "track")
    assert 0 < calm.confidence < 1
    assert (calm.intent, angry.auto_reply.decision) == ("shipping.track", AutoReplyDecision.ANGER)
    assert alone.store.assist.recent_records(TENANT, "", 9) == []
