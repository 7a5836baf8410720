from __future__ import annotations

import pytest
from yingda.v1 import assignment_pb2, event_pb2

from engine.domain import ConversationState, Outcome, Presence
from engine.errors import ContentionError, NotFoundError
from engine.routing.policy import UNIT
from engine.stores.sqlite import SQLiteStore
from tests.fakes import (
    TENANT,
    ContestedStore,
    Desk,
    FieldValue,
    ask,
    get,
    hire,
    kinds,
    loads,
    make_agent,
    make_desk,
    make_message,
    make_requirement,
    send,
)

WAITING, ASSIGNED, CLOSED = ConversationState.WAITING, ConversationState.ASSIGNED, ConversationState.CLOSED
QUEUED = assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED
KEPT = assignment_pb2.ASSIGNMENT_OUTCOME_KEPT


def test_a_free_agent_gets_the_conversation_at_once(desk: Desk) -> None:
    hire(desk, make_agent())
    answer = ask(desk, "refund.request")

    assert answer.assignment.agent_id == "ann"
    assert answer.assignment.skill == "finance"
    assert loads(desk.store) == {"ann": 1}


def test_the_agent_keeps_the_conversation(desk: Desk) -> None:
    hire(desk, make_agent())
    first = ask(desk)
    second = ask(desk, "refund.request")

    assert second.conversation_id == first.conversation_id
    assert (second.assignment.outcome, second.assignment.agent_id) == (KEPT, "ann")
    assert second.assignment.skill == "logistics"
    assert loads(desk.store) == {"ann": 1}


def test_an_agent_who_has_gone_keeps_a_conversation_until_the_customer_writes_again(desk: Desk) -> None:
    hire(desk, make_agent("ann"))
    conversation_id = ask(desk).conversation_id
    hire(desk, make_agent("ben"))
    desk.team.set_presence(TENANT, "ann", Presence.OFFLINE)
    kept = get(desk, conversation_id).agent_id

    assert (kept, ask(desk).assignment.agent_id) == ("ann", "ben")
    assert loads(desk.store) == {"ann": 0, "ben": 1}


def test_nobody_else_there_puts_it_back_into_the_queue(desk: Desk) -> None:
    hire(desk, make_agent())
    conversation_id = ask(desk).conversation_id
    desk.team.set_presence(TENANT, "ann", Presence.OFFLINE)

    assert ask(desk).assignment.outcome == QUEUED
    assert loads(desk.store) == {"ann": 0}
    desk.team.set_presence(TENANT, "ann", Presence.ONLINE)
    assert get(desk, conversation_id).agent_id == "ann"


def test_each_customer_and_channel_has_a_conversation_of_its_own(desk: Desk) -> None:
    places: list[dict[str, FieldValue]] = [
        {"customer_id": "cu1", "channel": 1},
        {"customer_id": "cu1", "channel": 2},
        {"customer_id": "cu2", "channel": 1},
    ]
    ids = [ask(desk, **place).conversation_id for place in places * 2]

    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:]


def test_a_conversation_is_continued_by_its_id(desk: Desk) -> None:
    first = ask(desk, conversation_id="case-7", customer_id="")
    again = ask(desk, conversation_id="case-7", customer_id="cu9", channel=3)

    assert first.conversation_id == again.conversation_id == "case-7"
    assert get(desk, "case-7").version == 2


def test_a_conversation_of_an_id_is_the_customers_open_one(desk: Desk) -> None:
    ask(desk, conversation_id="case-7", customer_id="cu1")

    assert ask(desk, customer_id="cu1").conversation_id == "case-7"


def test_of_several_open_conversations_a_customer_means_the_newest(desk: Desk) -> None:
    ask(desk, conversation_id="old", customer_id="cu1")
    ask(desk, conversation_id="new", customer_id="cu1")
    ask(desk, conversation_id="old", customer_id="cu1")

    assert ask(desk, customer_id="cu1").conversation_id == "new"


def test_a_message_to_a_strangers_conversation_does_not_make_it_the_customers(desk: Desk) -> None:
    ask(desk, conversation_id="theirs", customer_id="cu2")
    messages = [make_message(conversation_id="theirs", customer_id="cu1"), make_message(customer_id="cu1")]
    together = send(desk, *messages)[1].conversation_id

    assert together != "theirs"
    assert ask(desk, customer_id="cu1").conversation_id == together


def test_every_engine_makes_the_same_id_for_a_message(desk: Desk) -> None:
    ids = [ask(desk, message_id="m-fixed", tenant=tenant).conversation_id for tenant in ("shop", "shop2")]

    assert ids[0] == ids[1]


def test_messages_of_one_channel_id_on_two_channels_open_two_conversations(desk: Desk) -> None:
    first, second = (
        ask(desk, message_id="same", channel=channel, customer_id=f"cu{channel}") for channel in (1, 2)
    )

    assert first.conversation_id != second.conversation_id


def test_a_closed_conversation_is_not_the_customers_any_more(desk: Desk) -> None:
    first = ask(desk).conversation_id
    desk.lifecycle.close(TENANT, first)

    assert ask(desk).conversation_id != first


def test_a_message_by_id_reopens_a_closed_conversation(desk: Desk) -> None:
    hire(desk, make_agent())
    ask(desk, conversation_id="c1")
    desk.lifecycle.close(TENANT, "c1")
    answer = ask(desk, "chat.greeting", conversation_id="c1")

    assert answer.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED
    assert answer.assignment.skill == "logistics"
    assert get(desk, "c1").state is ASSIGNED
    assert loads(desk.store) == {"ann": 1}


def test_a_reopened_conversation_waits_from_then_on(desk: Desk) -> None:
    ask(desk, conversation_id="c1")
    desk.lifecycle.close(TENANT, "c1")
    desk.clock.advance(1000)
    ask(desk, conversation_id="c1")

    assert get(desk, "c1").queued_ms == desk.clock.now_ms()


@pytest.mark.parametrize("text", ["chat.greeting", "nothing that is known"])
def test_small_talk_does_not_change_what_a_waiting_conversation_asks_for(desk: Desk, text: str) -> None:
    ask(desk, "refund.request", conversation_id="c1")
    answer = ask(desk, text, conversation_id="c1")

    assert answer.assignment.skill == get(desk, "c1").requirement.skill == "finance"
    assert answer.analysis.skill == "general"


@pytest.mark.parametrize("text", ["chat.greeting", "nothing that is known"])
def test_small_talk_that_opens_a_conversation_asks_for_its_own_skill(desk: Desk, text: str) -> None:
    assert ask(desk, text).assignment.skill == "general"


def test_a_better_intent_changes_what_a_waiting_conversation_asks_for(desk: Desk) -> None:
    hire(desk, make_agent(skills={"finance": 3}))
    first = ask(desk, "chat.greeting")
    second = ask(desk, "refund.request")

    assert first.assignment.outcome == QUEUED
    assert (second.assignment.agent_id, second.assignment.skill) == ("ann", "finance")


def test_a_conversation_keeps_its_place_in_the_queue_when_it_asks_for_something_else(desk: Desk) -> None:
    ask(desk, "shipping.track", conversation_id="early")
    ask(desk, "refund.request", conversation_id="late")
    ask(desk, "refund.request", conversation_id="early")
    hire(desk, make_agent(capacity=UNIT))

    assert get(desk, "early").state is ASSIGNED


def test_closing_gives_the_place_to_the_longest_waiting_one_that_is_eligible(desk: Desk) -> None:
    hire(desk, make_agent(skills={"logistics": 1, "general": 1}, capacity=UNIT))
    held = ask(desk, customer_id="held").conversation_id
    finance = ask(desk, "refund.request", customer_id="cu1").conversation_id
    longest = ask(desk, "chat.greeting", customer_id="cu2").conversation_id
    shorter = ask(desk, "shipping.track", customer_id="cu3").conversation_id
    desk.lifecycle.close(TENANT, held)

    states = [get(desk, one).state for one in (held, finance, longest, shorter)]
    assert states == [CLOSED, WAITING, ASSIGNED, WAITING]
    assert loads(desk.store) == {"ann": 1}
    assert kinds(desk, held) == ["message_received", "conversation_closed"]
    assert kinds(desk, longest) == ["message_received", "conversation_assigned"]


def test_what_closing_decided_is_journaled_with_its_reason(desk: Desk) -> None:
    hire(desk, make_agent(capacity=UNIT))
    held = ask(desk, customer_id="held").conversation_id
    waiting = ask(desk, customer_id="cu1").conversation_id
    desk.lifecycle.close(TENANT, held)
    closed = desk.store.events(TENANT, held, 0, 9)[-1].event
    assigned = desk.store.events(TENANT, waiting, 0, 9)[-1].event

    assert event_pb2.ConversationClosed.FromString(closed.data).agent_id == "ann"
    decision = event_pb2.ConversationAssigned.FromString(assigned.data).assignment
    assert (decision.agent_id, decision.skill) == ("ann", "logistics")
    assert decision.reason.startswith("best of 1 eligible")


def test_closing_a_waiting_conversation_does_not_assign_it(desk: Desk) -> None:
    waiting = ask(desk).conversation_id
    closed = desk.lifecycle.close(TENANT, waiting)

    assert (closed.state, closed.agent_id, closed.queued_ms) == (CLOSED, "", 0)
    assert get(desk, waiting) == closed


def test_closing_twice_changes_nothing(desk: Desk) -> None:
    one = ask(desk).conversation_id
    first = desk.lifecycle.close(TENANT, one)
    desk.clock.advance(1)

    assert desk.lifecycle.close(TENANT, one) == first
    assert kinds(desk, one) == ["message_received", "conversation_closed"]


def test_closing_what_is_not_there_is_refused(desk: Desk) -> None:
    ask(desk, tenant="shop2", conversation_id="theirs")

    with pytest.raises(NotFoundError, match="tenant shop has no conversation theirs"):
        desk.lifecycle.close(TENANT, "theirs")


def test_who_comes_online_gets_what_waits_longest(desk: Desk) -> None:
    waiting = [ask(desk, customer_id=f"cu{number}").conversation_id for number in range(3)]
    hire(desk, make_agent(capacity=2 * UNIT))

    assert [get(desk, one).agent_id for one in waiting] == ["ann", "ann", ""]


def test_more_capacity_is_filled_from_the_queue(desk: Desk) -> None:
    hire(desk, make_agent(capacity=UNIT))
    ids = [ask(desk, customer_id=f"cu{number}").conversation_id for number in range(3)]
    desk.team.put(TENANT, make_agent(capacity=3 * UNIT))

    assert [get(desk, one).agent_id for one in ids] == ["ann"] * 3


def test_a_new_skill_is_put_to_use_at_once(desk: Desk) -> None:
    hire(desk, make_agent(skills={"finance": 1}))
    waiting = ask(desk, "shipping.track").conversation_id
    desk.team.put(TENANT, make_agent(skills={"logistics": 1}))

    assert get(desk, waiting).agent_id == "ann"


def test_less_capacity_takes_nothing_away(desk: Desk) -> None:
    hire(desk, make_agent(capacity=2 * UNIT))
    ids = [ask(desk, customer_id=f"cu{number}").conversation_id for number in range(2)]
    desk.team.put(TENANT, make_agent(capacity=UNIT))
    waiting = ask(desk, customer_id="cu9").conversation_id
    desk.lifecycle.close(TENANT, ids[0])

    assert get(desk, ids[1]).agent_id == "ann"
    assert get(desk, waiting).state is WAITING


def test_explaining_names_the_choice_and_changes_nothing(desk: Desk) -> None:
    hire(desk, make_agent("ann"), make_agent("bob", skills={"finance": 1}))
    decision, seen = desk.dispatcher.explain(TENANT, make_requirement())

    assert (decision.outcome, decision.agent_id) == (Outcome.ASSIGNED, "ann")
    assert [(one.agent.agent_id, one.exclusion) for one in seen] == [("ann", None), ("bob", "lacks_skill")]
    assert loads(desk.store) == {"ann": 0, "bob": 0}
    assert desk.store.list_conversations(TENANT, None, None, 9) == []


def test_a_stale_close_is_decided_again(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    hire(desk, make_agent(capacity=UNIT))
    held = ask(desk, customer_id="held").conversation_id
    waiting = ask(desk, customer_id="cu1").conversation_id

    def rival(_: SQLiteStore) -> None:  # the one that was to get the place goes away
        desk.lifecycle.close(TENANT, waiting)

    contested = make_desk(ContestedStore(embedded, [rival]))
    contested.lifecycle.close(TENANT, held)

    assert [get(desk, one).state for one in (held, waiting)] == [CLOSED, CLOSED]
    assert loads(embedded) == {"ann": 0}


def test_a_close_that_is_always_stale_ends_in_an_error(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    ask(desk, conversation_id="c1")
    store = ContestedStore(embedded, [lambda _: ask(desk, conversation_id="c1")] * 99)

    with pytest.raises(ContentionError, match="20 attempts"):
        make_desk(store).lifecycle.close(TENANT, "c1")
    assert store.commits == 20
    assert get(desk, "c1").state is WAITING
