from __future__ import annotations

from dataclasses import replace

import pytest
from yingda.v1 import event_pb2

from engine.domain import Conversation, ConversationState, Outcome, Presence, Shift
from engine.errors import ConflictError, NotFoundError
from engine.routing.lifecycle import MAX_DUE, MAX_PARTICIPANTS
from engine.routing.policy import MINUTE, UNIT, Policy
from engine.stores.sqlite import SQLiteStore
from tests.fakes import (
    TENANT,
    Desk,
    ask,
    get,
    hire,
    kinds,
    loads,
    make_agent,
    make_desk,
    make_message,
    send,
)

WAITING, OFFERED, ASSIGNED = ConversationState.WAITING, ConversationState.OFFERED, ConversationState.ASSIGNED
WRAPPING, CLOSED = ConversationState.WRAPPING, ConversationState.CLOSED
OFFERS = Policy(auto_accept=False, offer_seconds=20)
OFFER_MS = 20_000


@pytest.fixture
def offering(embedded: SQLiteStore) -> Desk:
    """A desk whose agents are asked first."""
    return make_desk(embedded, policy=OFFERS)


def offered(desk: Desk, *agents: str) -> Conversation:
    """Offered to the first of the agents, each of whom has one place."""
    for agent_id in agents:
        hire(desk, make_agent(agent_id, capacity=UNIT))
    return get(desk, ask(desk, customer_id="first").conversation_id)


def let_pass(desk: Desk, milliseconds: int) -> None:
    """As the timekeeper would: nothing that falls due in between is missed."""
    end_ms = desk.clock.now_ms() + milliseconds
    while (moment := desk.store.next_due_ms()) is not None and moment <= end_ms:
        desk.clock.advance(max(moment - desk.clock.now_ms(), 0))
        desk.lifecycle.tick(desk.clock.now_ms())
    desk.clock.advance(end_ms - desk.clock.now_ms())
    desk.lifecycle.tick(desk.clock.now_ms())


def ended(desk: Desk, conversation_id: str) -> list[tuple[str, str]]:
    """To whom offers were made that ended, and how."""
    events = [one.event for one in desk.store.events(TENANT, conversation_id, 0, 99)]
    found = [
        event_pb2.ReservationEnded.FromString(one.data) for one in events if one.kind == "reservation_ended"
    ]
    return [(one.agent_id, one.how) for one in found]


def test_an_offer_holds_its_place(offering: Desk) -> None:
    one = offered(offering, "ann")

    assert (one.state, one.agent_id) == (OFFERED, "ann")
    assert loads(offering.store) == {"ann": 1}


def test_an_accepted_offer_is_the_agents(offering: Desk) -> None:
    one = offered(offering, "ann")
    offering.lifecycle.accept(TENANT, one.reservation_id)
    let_pass(offering, 10 * OFFER_MS)

    assert get(offering, one.conversation_id).state is ASSIGNED
    assert kinds(offering, one.conversation_id) == ["message_received", "reservation_accepted"]


def test_accepting_twice_changes_nothing(offering: Desk) -> None:
    one = offered(offering, "ann")
    first = offering.lifecycle.accept(TENANT, one.reservation_id)

    assert offering.lifecycle.accept(TENANT, one.reservation_id) == first


def test_a_declined_offer_is_made_to_somebody_else(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    after = offering.lifecycle.decline(TENANT, one.reservation_id)

    assert (after.state, after.agent_id, after.queued_ms) == (OFFERED, "ben", one.queued_ms)
    assert after.reservation_id != one.reservation_id
    assert ended(offering, one.conversation_id) == [("ann", "declined")]
    assert loads(offering.store) == {"ann": 0, "ben": 1}


def test_who_declines_gets_the_next_one_that_waits(offering: Desk) -> None:
    one = offered(offering, "ann")
    second = ask(offering, customer_id="second").conversation_id
    offering.lifecycle.decline(TENANT, one.reservation_id)

    assert get(offering, one.conversation_id).state is WAITING
    assert get(offering, second).agent_id == "ann"


def test_an_offer_times_out_to_somebody_else_any_number_of_times(offering: Desk) -> None:
    one = offered(offering, "ann", "ben", "cat", "dan")
    let_pass(offering, 3 * OFFER_MS)
    after = get(offering, one.conversation_id)

    assert (after.agent_id, after.queued_ms) == ("dan", one.queued_ms)
    assert ended(offering, one.conversation_id) == [(name, "timed_out") for name in ("ann", "ben", "cat")]


def test_an_offer_stands_until_its_time_has_come(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    let_pass(offering, OFFER_MS - 1)
    before = get(offering, one.conversation_id)
    let_pass(offering, 1)

    assert (before.agent_id, get(offering, one.conversation_id).agent_id) == ("ann", "ben")


@pytest.mark.parametrize("waited", [OFFER_MS, OFFER_MS + 1])
def test_a_late_accept_is_refused(offering: Desk, waited: int) -> None:
    one = offered(offering, "ann")
    offering.clock.advance(waited)

    with pytest.raises(ConflictError, match="timed out"):
        offering.lifecycle.accept(TENANT, one.reservation_id)


def test_an_offer_that_was_made_to_somebody_else_cannot_be_taken(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.lifecycle.decline(TENANT, one.reservation_id)

    for answer in (offering.lifecycle.accept, offering.lifecycle.decline):
        with pytest.raises(ConflictError, match="has ended"):
            answer(TENANT, one.reservation_id)


@pytest.mark.parametrize("reservation_id", ["", "nothing", "nothing~1"])
def test_an_offer_of_no_conversation_is_not_found(offering: Desk, reservation_id: str) -> None:
    with pytest.raises(NotFoundError):
        offering.lifecycle.accept(TENANT, reservation_id)


def test_offers_to_an_agent_who_goes_go_back_to_their_old_places(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.team.set_presence(TENANT, "ann", Presence.OFFLINE)
    after = get(offering, one.conversation_id)

    assert (after.agent_id, after.queued_ms, after.declined) == ("ben", one.queued_ms, ())
    assert ended(offering, one.conversation_id) == [("ann", "cancelled")]


def test_an_agent_who_comes_back_is_offered_it_again(offering: Desk) -> None:
    one = offered(offering, "ann")
    for presence in (Presence.OFFLINE, Presence.ONLINE):
        offering.team.set_presence(TENANT, "ann", presence)
    after = get(offering, one.conversation_id)

    assert (after.state, after.agent_id) == (OFFERED, "ann")


def test_a_lease_lapses_into_offline_and_offers_go_on(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.team.set_presence(TENANT, "ann", Presence.ONLINE, lease_ms=5000)
    let_pass(offering, 4999)
    before = get(offering, one.conversation_id).agent_id
    let_pass(offering, 1)

    assert (before, get(offering, one.conversation_id).agent_id) == ("ann", "ben")
    assert offering.store.roster(TENANT).presences == [Presence.OFFLINE, Presence.ONLINE]


def test_a_renewed_lease_does_not_lapse(offering: Desk) -> None:
    hire(offering, make_agent())
    offering.team.set_presence(TENANT, "ann", Presence.AWAY, lease_ms=5000)
    let_pass(offering, 4000)
    offering.team.renew(TENANT, "ann", 5000)
    let_pass(offering, 4000)

    assert offering.store.roster(TENANT).presences == [Presence.AWAY]


def test_a_lease_of_somebody_offline_is_not_renewed(offering: Desk) -> None:
    offering.team.put(TENANT, make_agent())
    offering.team.renew(TENANT, "ann", 5000)

    assert offering.store.next_due_ms() is None


def test_an_accepted_conversation_stays_with_an_agent_who_goes(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.lifecycle.accept(TENANT, one.reservation_id)
    offering.team.set_presence(TENANT, "ann", Presence.OFFLINE)

    assert get(offering, one.conversation_id).agent_id == "ann"


def test_a_message_finds_somebody_else_where_the_owner_has_gone(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.store.set_presence(TENANT, "ann", Presence.OFFLINE)  # and nobody has noticed yet
    answer = ask(offering, customer_id="first")

    assert (answer.conversation_id, answer.assignment.agent_id) == (one.conversation_id, "ben")
    assert ended(offering, one.conversation_id) == [("ann", "cancelled")]


def test_closing_an_offered_conversation_cancels_the_offer(offering: Desk) -> None:
    one = offered(offering, "ann")
    waiting = ask(offering, customer_id="second").conversation_id
    offering.lifecycle.close(TENANT, one.conversation_id)

    assert ended(offering, one.conversation_id) == [("ann", "cancelled")]
    assert get(offering, one.conversation_id).last_agent_id == ""
    assert get(offering, waiting).agent_id == "ann"


def test_a_wrap_up_holds_the_place_until_its_time(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded, policy=Policy(wrap_up_seconds=30))
    one = offered(desk, "ann")
    waiting = ask(desk, customer_id="second").conversation_id
    desk.lifecycle.close(TENANT, one.conversation_id)
    let_pass(desk, 29_999)
    before = get(desk, one.conversation_id).state, get(desk, waiting).state
    let_pass(desk, 1)

    assert before == (WRAPPING, WAITING)
    assert (get(desk, one.conversation_id).state, get(desk, waiting).state) == (CLOSED, ASSIGNED)


def test_a_wrap_up_is_completed_by_hand(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded, policy=Policy(wrap_up_seconds=30))
    one = offered(desk, "ann")
    waiting = ask(desk, customer_id="second").conversation_id
    desk.lifecycle.close(TENANT, one.conversation_id)
    completed = desk.lifecycle.complete(TENANT, one.conversation_id)

    assert completed.state is CLOSED
    assert desk.lifecycle.complete(TENANT, one.conversation_id) == completed
    assert get(desk, waiting).agent_id == "ann"


def test_what_is_open_cannot_be_completed(desk: Desk) -> None:
    one = offered(desk, "ann")

    with pytest.raises(ConflictError, match="close it first"):
        desk.lifecycle.complete(TENANT, one.conversation_id)


def test_a_message_during_the_wrap_up_opens_it_again(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded, policy=Policy(wrap_up_seconds=30))
    one = offered(desk, "ann")
    desk.lifecycle.close(TENANT, one.conversation_id)
    answer = ask(desk, conversation_id=one.conversation_id)

    assert (answer.assignment.outcome, answer.assignment.agent_id) == (1, "ann")
    assert loads(desk.store) == {"ann": 1}


def test_a_reopened_conversation_goes_to_the_last_agent_rather(desk: Desk) -> None:
    one = offered(desk, "ben")
    desk.lifecycle.close(TENANT, one.conversation_id)
    hire(desk, make_agent("ann"))

    assert ask(desk, conversation_id=one.conversation_id).assignment.agent_id == "ben"


def test_a_transfer_to_an_agent_holds_to_that_agent(desk: Desk) -> None:
    one = offered(desk, "ann", "ben", "cat")
    desk.team.set_presence(TENANT, "cat", Presence.BUSY)
    moved, assignment = desk.lifecycle.transfer(TENANT, one.conversation_id, agent_id="cat")
    desk.team.set_presence(TENANT, "cat", Presence.ONLINE)

    assert (moved.state, assignment.outcome) == (WAITING, Outcome.QUEUED)
    assert get(desk, one.conversation_id).agent_id == "cat"


def test_a_transfer_to_a_team_or_a_skill_finds_who_has_it(desk: Desk) -> None:
    one = offered(desk, "ann")
    hire(desk, make_agent("ben", teams=frozenset({"night"})), make_agent("cat", skills={"legal": 1}))
    to_team, _ = desk.lifecycle.transfer(TENANT, one.conversation_id, team="night")
    to_skill, _ = desk.lifecycle.transfer(TENANT, one.conversation_id, skill="legal")

    assert (to_team.agent_id, to_skill.agent_id) == ("ben", "cat")
    assert loads(desk.store) == {"ann": 0, "ben": 0, "cat": 1}


def test_a_transferred_conversation_is_as_old_as_when_it_was_opened(desk: Desk) -> None:
    one = offered(desk, "ann")
    desk.clock.advance(60_000)
    waiting = ask(desk, customer_id="second").conversation_id
    moved, _ = desk.lifecycle.transfer(TENANT, one.conversation_id, skill="finance")

    assert moved.queued_ms == one.opened_ms
    assert get(desk, waiting).agent_id == "ann"


def test_what_a_transfer_asks_for_outlasts_the_next_message(desk: Desk) -> None:
    one = offered(desk, "ann")
    desk.lifecycle.transfer(TENANT, one.conversation_id, team="night")
    ask(desk, "refund.request", customer_id="first")
    moved = get(desk, one.conversation_id)

    assert (moved.state, moved.requirement.team) == (WAITING, "night")


def test_a_skill_that_a_transfer_names_outlasts_what_the_customer_writes(desk: Desk) -> None:
    one = offered(desk, "ann")
    desk.lifecycle.transfer(TENANT, one.conversation_id, skill="legal")
    ask(desk, "refund.request", customer_id="first")
    moved = get(desk, one.conversation_id)

    assert (moved.state, moved.requirement.skill, moved.requirement.skills) == (
        WAITING,
        "legal",
        {"legal": 1.0},
    )


def test_a_conversation_that_ended_asks_for_what_the_customer_writes(desk: Desk) -> None:
    one = offered(desk, "ann")
    desk.lifecycle.transfer(TENANT, one.conversation_id, skill="legal")
    desk.lifecycle.close(TENANT, one.conversation_id)
    ask(desk, "refund.request", conversation_id=one.conversation_id)

    assert get(desk, one.conversation_id).requirement.skill == "finance"


def test_what_gives_a_conversation_on_is_journaled(offering: Desk) -> None:
    one = offered(offering, "ann")
    offering.lifecycle.transfer(TENANT, one.conversation_id, team="night")
    event = offering.store.events(TENANT, one.conversation_id, 0, 99)[-2].event

    assert ended(offering, one.conversation_id) == [("ann", "cancelled")]
    moved = event_pb2.ConversationTransferred.FromString(event.data)
    assert (moved.from_agent_id, moved.target) == ("ann", "team:night")


@pytest.mark.parametrize("target", [{"agent_id": "ann"}, {"team": "night"}, {"skill": "finance"}])
def test_what_is_closed_is_not_given_on(desk: Desk, target: dict[str, str]) -> None:
    one = offered(desk, "ann")
    desk.lifecycle.close(TENANT, one.conversation_id)

    with pytest.raises(ConflictError, match="opens it again"):
        desk.lifecycle.transfer(TENANT, one.conversation_id, **target)


def test_a_transfer_to_an_unknown_agent_is_refused(desk: Desk) -> None:
    one = offered(desk, "ann")

    with pytest.raises(NotFoundError, match="no agent zoe"):
        desk.lifecycle.transfer(TENANT, one.conversation_id, agent_id="zoe")
    assert get(desk, one.conversation_id) == one


def test_a_supervisor_joins_and_takes_no_place(desk: Desk) -> None:
    one = offered(desk, "ann", "ben")
    for _ in range(2):
        joined = desk.lifecycle.join(TENANT, one.conversation_id, "ben")

    assert (joined.agent_id, joined.participants) == ("ann", ("ben",))
    assert loads(desk.store) == {"ann": 1, "ben": 0}
    assert kinds(desk, one.conversation_id)[1:] == ["conversation_joined"]


def test_the_owner_does_not_join(desk: Desk) -> None:
    one = offered(desk, "ann")

    assert desk.lifecycle.join(TENANT, one.conversation_id, "ann") == one


def test_no_more_than_eight_join(desk: Desk) -> None:
    one = offered(desk, *(f"a{number}" for number in range(MAX_PARTICIPANTS + 2)))
    for number in range(1, MAX_PARTICIPANTS + 1):
        desk.lifecycle.join(TENANT, one.conversation_id, f"a{number}")

    with pytest.raises(ConflictError, match="8 agents take part"):
        desk.lifecycle.join(TENANT, one.conversation_id, f"a{MAX_PARTICIPANTS + 1}")


def test_the_ladder_is_climbed_at_its_pace(embedded: SQLiteStore) -> None:
    policy = Policy(min_proficiency=5, neighbours={"logistics": ("finance",)}, sla=10.0)
    desk = make_desk(embedded, policy=policy)
    hire(desk, make_agent(skills={"other": 1}))
    one = ask(desk).conversation_id
    steps = []
    for _ in range(4):
        let_pass(desk, round(2.5 * MINUTE))
        steps.append((get(desk, one).relaxation, get(desk, one).agent_id))

    assert steps == [(1, ""), (2, ""), (3, "ann"), (3, "ann")]
    assert kinds(desk, one) == ["message_received", *["requirement_relaxed"] * 3, "conversation_assigned"]


def test_a_conversation_nobody_takes_overflows(desk: Desk) -> None:
    one = ask(desk).conversation_id
    let_pass(desk, 10 * MINUTE)
    overflowed = get(desk, one)

    assert (overflowed.relaxation, overflowed.state, overflowed.due_ms) == (4, WAITING, 0)


def test_whoever_declined_is_asked_again_once_it_has_overflowed(offering: Desk) -> None:
    one = offered(offering, "ann")
    offering.lifecycle.decline(TENANT, one.reservation_id)
    let_pass(offering, 10 * MINUTE - 2)
    before = get(offering, one.conversation_id)
    let_pass(offering, 2)

    assert (before.state, before.declined) == (WAITING, ("ann",))
    assert get(offering, one.conversation_id).agent_id == "ann"


def test_an_overflowed_conversation_that_all_declined_is_offered_again_and_again(offering: Desk) -> None:
    one = offered(offering, "ann")
    let_pass(offering, 30 * MINUTE)

    assert len(ended(offering, one.conversation_id)) > 20
    assert kinds(offering, one.conversation_id).count("requirement_relaxed") == 4


def test_one_that_an_agent_declined_does_not_hide_those_behind_it(offering: Desk) -> None:
    first = offered(offering, "ann")
    hidden = [ask(offering, customer_id=f"cu{number}").conversation_id for number in range(3)]
    offering.lifecycle.decline(TENANT, first.reservation_id)
    offering.lifecycle.decline(TENANT, get(offering, hidden[0]).reservation_id)
    offering.lifecycle.decline(TENANT, get(offering, hidden[1]).reservation_id)

    assert get(offering, hidden[2]).agent_id == "ann"


def test_a_thousand_who_are_too_angry_do_not_hide_a_calm_one_behind_them(desk: Desk) -> None:
    hire(desk, make_agent(capacity=2 * UNIT))
    names = [f"angry{number}" for number in range(1002)]
    send(desk, *[make_message("shipping.track!", customer_id=name, message_id=name) for name in names])
    calm = ask(desk, customer_id="calm").conversation_id
    desk.team.put(TENANT, make_agent(capacity=3 * UNIT))

    assert get(desk, calm).agent_id == "ann"


def test_a_shift_that_begins_is_filled_from_the_queue(desk: Desk) -> None:
    now = desk.clock.now_ms() // MINUTE
    weekday, minute = now // 1440 + 4, now % 1440 + 2  # the first of January 1970 was a Thursday
    hire(desk, make_agent(shifts=(Shift(weekday=weekday, start_minute=minute, end_minute=minute + 60),)))
    one = ask(desk).conversation_id
    desk.lifecycle.tick(desk.clock.now_ms())
    before = get(desk, one).state
    let_pass(desk, 2 * MINUTE)

    assert (before, get(desk, one).state) == (WAITING, ASSIGNED)


def test_angry_customers_are_spread_and_an_agent_gets_a_rest(desk: Desk) -> None:
    hire(desk, make_agent(capacity=9 * UNIT))
    answers = [ask(desk, "shipping.track!", customer_id=f"cu{number}") for number in range(3)]
    before = [one.assignment.agent_id for one in answers]
    ask(desk, "shipping.track", customer_id="calm")

    assert before == ["ann", "ann", ""]
    assert get(desk, answers[2].conversation_id).agent_id == "ann"


def test_a_mood_that_changes_is_journaled(desk: Desk) -> None:
    hire(desk, make_agent())
    one = ask(desk, "shipping.track!").conversation_id
    for _ in range(3):
        ask(desk, "shipping.track")
    moods = [
        event_pb2.MoodChanged.FromString(stored.event.data).is_angry
        for stored in desk.store.events(TENANT, one, 0, 99)
        if stored.event.kind == "mood_changed"
    ]

    assert moods == [True, False]


def test_an_angry_customer_goes_before_a_calm_one_who_came_a_little_earlier(desk: Desk) -> None:
    calm, angry = (
        ask(desk, text, customer_id=text).conversation_id for text in ("shipping.track", "shipping.track !")
    )
    hire(desk, make_agent(capacity=UNIT))

    assert (get(desk, calm).state, get(desk, angry).state) == (WAITING, ASSIGNED)


def test_a_tick_does_so_much_and_leaves_the_rest_for_the_next(desk: Desk) -> None:
    send(desk, *(make_message(customer_id=f"cu{number}") for number in range(MAX_DUE + 10)))
    desk.clock.advance(10 * MINUTE)

    assert desk.lifecycle.tick(desk.clock.now_ms()) == MAX_DUE
    assert desk.store.next_due_ms() is not None


def test_what_is_due_is_done_once_however_often_it_is_found(offering: Desk) -> None:
    one = offered(offering, "ann", "ben")
    offering.clock.advance(OFFER_MS)
    due = offering.store.due(offering.clock.now_ms())
    offering.lifecycle.tick(offering.clock.now_ms())
    offering.lifecycle.tick(offering.clock.now_ms())

    assert due == [(TENANT, one.conversation_id)]
    assert ended(offering, one.conversation_id) == [("ann", "timed_out")]


def test_hints_stay_while_a_conversation_waits(desk: Desk) -> None:
    message = make_message(customer_id="cu1")
    message.routing.priority = 7
    message.routing.team = "night"
    (first,) = send(desk, message)
    ask(desk, "refund.request", customer_id="cu1")
    waiting = get(desk, first.conversation_id).requirement

    assert (waiting.skill, waiting.priority, waiting.team) == ("finance", 7, "night")


def test_a_reopened_conversation_asks_only_for_what_its_message_does(desk: Desk) -> None:
    message = make_message(customer_id="cu1", conversation_id="c1")
    message.routing.team = "night"
    send(desk, message)
    desk.lifecycle.close(TENANT, "c1")
    ask(desk, conversation_id="c1")

    assert replace(get(desk, "c1").requirement, skills={}).team == ""


def test_what_a_rest_frees_is_given_once(offering: Desk) -> None:
    hire(offering, make_agent("ann", capacity=4 * UNIT), make_agent("ben", capacity=4 * UNIT))
    angry = [ask(offering, "shipping.track!", customer_id=f"angry{number}") for number in range(4)]
    more = [ask(offering, "shipping.track!", customer_id=f"more{number}") for number in range(3)]
    calm = ask(offering, customer_id="calm").conversation_id
    let_pass(offering, 12 * OFFER_MS)
    open_ones = [get(offering, one.conversation_id) for one in (*angry, *more)] + [get(offering, calm)]

    held = {"ann": 0.0, "ben": 0.0}
    for one in open_ones:
        if one.agent_id:
            held[one.agent_id] += one.units / UNIT
    assert loads(offering.store) == held
