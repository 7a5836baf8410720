from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import CALM, Agent, Conversation, ConversationState, Event, Mood, Outcome, Requirement
from engine.routing import intake
from engine.routing.crew import Crew
from engine.routing.draft import Draft
from engine.routing.policy import MINUTE, UNIT, Policy
from tests.engine.routing import strategies
from tests.fakes import FieldValue, make_agent, make_conversation, make_crew

NOW = 5000
OFFERS = Policy(auto_accept=False)


def draft(
    *agents: Agent,
    load: dict[str, int] | None = None,
    streak: dict[str, int] | None = None,
    policy: Policy | None = None,
) -> Draft:
    crew = make_crew(*agents, policy=policy, load=load, streak=streak)
    return Draft(tenant="shop", crew=crew, now_ms=NOW)


def held(state: ConversationState = ConversationState.ASSIGNED, **changes: FieldValue) -> Conversation:
    fields: dict[str, FieldValue] = {
        "agent_id": "ann",
        "units": 100,
        "queued_ms": 0,
        "rank_ms": 0,
        "queues": (),
        "state": state,
    } | changes
    return make_conversation(**fields)


def after(one: Draft) -> Conversation:
    (changed,) = one.change().conversations
    return changed


def test_an_untouched_draft_changes_nothing() -> None:
    change = draft(make_agent()).change()

    assert (change.tenant, change.conversations, change.claims, change.events) == ("shop", [], {}, [])


def test_placing_claims_units_and_assigns() -> None:
    one = draft(make_agent())
    assignment = one.place(make_conversation(version=0, queued_ms=0))

    assert assignment.outcome is Outcome.ASSIGNED
    assert one.change().claims == {"ann": 100}
    assert after(one) == held(updated_ms=NOW)


def test_without_a_free_agent_it_waits_from_now_on() -> None:
    one = draft()
    one.place(make_conversation(version=0, queued_ms=0, queues=()))
    waiting = after(one)

    assert one.change().claims == {}
    assert (waiting.queued_ms, waiting.rank_ms) == (NOW, NOW + round(0.5 * 10 * MINUTE / 1.5))
    assert waiting.queues == ("/logistics/1/*",)
    assert waiting.due_ms == NOW + round(0.25 * 10 * MINUTE)


def test_a_waiting_conversation_keeps_its_place_in_the_queue() -> None:
    one = draft()
    one.place(make_conversation(queued_ms=7))

    assert after(one).queued_ms == 7


def test_places_taken_in_the_draft_are_taken() -> None:
    one = draft(make_agent(), load={"ann": 100})
    outcomes = [one.place(make_conversation(name, version=0)).outcome for name in "ab"]

    assert outcomes == [Outcome.ASSIGNED, Outcome.QUEUED]


def test_the_roster_it_was_made_of_does_not_change() -> None:
    one = draft(make_agent(), streak={"ann": 1})
    one.place(make_conversation(version=0))

    assert one.crew.roster.load.tolist() == [0]
    assert one.crew.roster.streak.tolist() == [1]
    assert one.change().streaks == {"ann": 0}


def test_the_version_follows_the_stored_one_however_often_it_is_touched() -> None:
    one = draft(make_agent())
    one.place(make_conversation(version=4))
    touched = one.conversation("c1")
    assert touched is not None
    one.keep(touched, touched.mood)

    assert after(one).version == 5


def test_an_owner_who_is_no_agent_any_more_is_named_by_id() -> None:
    assert draft().keep(held(agent_id="gone"), CALM).agent_name == "gone"


def test_an_offer_holds_the_place_and_ends_by_itself() -> None:
    one = draft(make_agent(), policy=OFFERS)
    assignment = one.place(make_conversation(version=3, queued_ms=7))
    offered = after(one)

    assert (assignment.outcome, assignment.reservation_id) == (Outcome.OFFERED, "c1~4")
    assert (offered.state, offered.agent_id) == (ConversationState.OFFERED, "ann")
    assert (offered.queued_ms, offered.due_ms) == (7, NOW + 20_000)
    assert one.change().claims == {"ann": 100}


def test_an_accepted_offer_ends_no_more_and_leaves_the_queue() -> None:
    one = draft(make_agent())
    taken = one.accept(held(ConversationState.OFFERED, queued_ms=7, due_ms=9, reservation_id="c1~1"))

    assert (taken.state, taken.queued_ms, taken.due_ms) == (ConversationState.ASSIGNED, 0, 0)
    assert taken.reservation_id == "c1~1"


def test_a_declined_offer_goes_back_to_its_old_place() -> None:
    one = draft(make_agent(), load={"ann": 100})
    offered = held(ConversationState.OFFERED, queued_ms=7, last_agent_id="ben", last_agent_ms=3)
    back = one.release(offered, declined=True)

    assert (back.state, back.queued_ms, back.declined) == (ConversationState.WAITING, 7, ("ann",))
    assert (back.last_agent_id, back.last_agent_ms) == ("ben", 3)
    assert one.change().claims == {"ann": -100}
    assert one.freed() == ["ann"]
    assert one.freed() == []


def test_whoever_served_it_is_the_last_agent() -> None:
    back = draft(make_agent()).release(held(relaxation=3))

    assert (back.last_agent_id, back.last_agent_ms, back.relaxation) == ("ann", NOW, 0)


def test_completing_gives_the_place_back() -> None:
    one = draft(make_agent(), load={"ann": 100})
    one.close(held(declined=("ben",), participants=("cat",), relaxation=2))
    closed = after(one)

    assert one.change().claims == {"ann": -100}
    assert (closed.state, closed.agent_id, closed.last_agent_id) == (ConversationState.CLOSED, "", "ann")
    assert (closed.declined, closed.participants, closed.relaxation) == ((), (), 0)


def test_a_wrap_up_holds_the_place() -> None:
    one = draft(make_agent(), load={"ann": 100}, policy=Policy(wrap_up_seconds=30))
    wrapping = one.close(held())

    assert (wrapping.state, wrapping.agent_id) == (ConversationState.WRAPPING, "ann")
    assert wrapping.due_ms == NOW + 30_000
    assert one.change().claims == {}


def test_a_place_given_back_and_taken_again_is_no_claim() -> None:
    one = draft(make_agent(capacity=UNIT), load={"ann": 100})
    one.close(held())
    given = one.offer_to(make_conversation("next"), one.freed())

    assert given
    assert given.agent_id == "ann"
    assert one.change().claims == {}


def test_only_the_agents_named_are_asked() -> None:
    one = draft(make_agent("ann"), make_agent("ben", skills={"finance": 1}))

    assert one.offer_to(make_conversation(), ["ben", "nobody"]) is None
    assert one.change().conversations == []


def test_free_places_count_for_every_queue_of_those_with_room() -> None:
    one = draft(
        make_agent("ann", skills={"logistics": 1, "finance": 1}, capacity=300),
        make_agent("bob", skills={"finance": 1}),
        make_agent("full", skills={"general": 1}, capacity=100),
        load={"ann": 100, "full": 100},
    )
    places = one.free_queues(["ann", "bob", "full", "nobody"])

    assert (places["/logistics/1/*"], places["/finance/1/*"], places["agent/bob"]) == (2, 4, 2)
    assert "/general/1/*" not in places


def test_lighter_conversations_need_more_places() -> None:
    one = draft(make_agent(), policy=Policy(channel_units={6: 50, 2: 0}))

    assert one.free_queues(["ann"])["/logistics/1/*"] == 4


def test_a_calm_conversation_ends_the_streak_and_the_rest() -> None:
    one = draft(make_agent(), streak={"ann": 2})
    one.place(make_conversation())

    assert one.change().streaks == {"ann": 0}
    assert one.freed() == ["ann"]


def test_an_angry_one_makes_it_longer() -> None:
    one = draft(make_agent(), streak={"ann": 1})
    one.place(make_conversation(mood=Mood(anger=1.0, is_angry=True)))

    assert one.change().streaks == {"ann": 2}


def test_at_the_end_of_the_ladder_whoever_declined_is_asked_again_after_a_pause() -> None:
    one = draft()
    one.place(make_conversation("asked", relaxation=4))
    one.place(make_conversation("declined", relaxation=4, declined=("ann",)))

    assert [waiting.due_ms for waiting in one.change().conversations] == [0, NOW + 20_000]


def test_events_come_in_the_order_recorded() -> None:
    one = draft()
    events = [Event(conversation_id="c1", kind="k", time_ms=1, data=b"", key=key) for key in "ab"]
    for event in events:
        one.record(event)

    assert [event.key for event in one.change().events] == ["a", "b"]


def test_what_led_to_an_event_is_the_one_before_of_the_same_conversation() -> None:
    one = draft()
    for conversation_id in ("c1", "c2", "c1"):
        one.record(Event(conversation_id=conversation_id, kind="k", time_ms=1, data=b""))

    assert [event.by for event in one.change().events] == [0, 0, -2]


def test_what_is_given_away_comes_of_the_message_that_freed_the_place() -> None:
    one = draft(make_agent(), load={"ann": 100})
    one.message = 1
    one.release(held())
    one.record_given(Event(conversation_id="c2", kind="k", time_ms=1, data=b""), "ann")
    one.record_messages([Event(conversation_id=key, kind="m", time_ms=1, data=b"", key=key) for key in "ab"])

    assert [event.by for event in one.change().events] == [0, 0, -1]


def test_what_nothing_in_the_draft_led_to_comes_after_what_led_to_the_draft() -> None:
    one = Draft(tenant="shop", crew=make_crew(), now_ms=NOW, after=7)
    one.record(Event(conversation_id="c1", kind="k", time_ms=1, data=b""))

    assert [event.after for event in one.change().events] == [7]


@given(
    crew=strategies.crews(),
    asked=st.lists(st.tuples(strategies.requirements(), st.booleans()), min_size=1, max_size=6),
)
def test_who_opens_a_conversation_is_placed_as_step_by_step(
    crew: Crew, asked: list[tuple[Requirement, bool]]
) -> None:
    at_once, stepwise = (Draft(tenant="shop", crew=crew, now_ms=strategies.NOW_MS) for _ in range(2))
    for number, (one, is_angry) in enumerate(asked):
        fresh, same = (intake.blank(strategies.NOW_MS, f"c{number}", 1, "cu1") for _ in range(2))
        mood = Mood(anger=0.5, is_angry=is_angry)
        placed = stepwise.place(intake.unowned(stepwise, same, mood, one))

        assert at_once.begin(fresh, mood, one) == placed
    assert at_once.change() == stepwise.change()
