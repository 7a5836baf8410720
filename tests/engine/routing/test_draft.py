from __future__ import annotations

from collections.abc import Mapping

from engine.domain import Agent, ConversationState, Event, Outcome, Presence, Requirement, Roster
from engine.routing.draft import Draft
from engine.routing.score import Weights
from tests.fakes import make_agent, make_conversation

LOGISTICS = Requirement(skill="logistics", language="zh")
NOW = 5000


def draft(*agents: Agent, loads: Mapping[str, int] | None = None) -> Draft:
    roster = Roster(agents={agent.agent_id: agent for agent in agents}, loads=loads or {})
    return Draft(tenant="shop", roster=roster, weights=Weights(), now_ms=NOW)


def test_an_untouched_draft_changes_nothing() -> None:
    change = draft(make_agent()).change()

    assert (change.tenant, change.conversations, change.claims, change.events) == ("shop", [], {}, [])


def test_opening_claims_a_place_and_assigns() -> None:
    one = draft(make_agent())
    assignment = one.open(make_conversation(version=0, queued_ms=0), LOGISTICS)
    change = one.change()

    assert assignment.outcome is Outcome.ASSIGNED
    assert change.claims == {"ann": 1}
    assert change.conversations == [
        make_conversation(
            state=ConversationState.ASSIGNED, agent_id="ann", language="zh", queued_ms=0, updated_ms=NOW
        )
    ]


def test_opening_without_a_free_agent_queues_from_now_on() -> None:
    one = draft()
    one.open(make_conversation(version=0, queued_ms=0), LOGISTICS)
    change = one.change()

    assert change.claims == {}
    assert [conversation.queued_ms for conversation in change.conversations] == [NOW]


def test_a_waiting_conversation_keeps_its_place_in_the_queue() -> None:
    one = draft()
    one.open(make_conversation(queued_ms=7), LOGISTICS)

    assert [conversation.queued_ms for conversation in one.change().conversations] == [7]


def test_places_taken_in_the_draft_are_taken() -> None:
    one = draft(make_agent(capacity=2), loads={"ann": 1})
    outcomes = [one.open(make_conversation(name, version=0), LOGISTICS).outcome for name in "ab"]

    assert outcomes == [Outcome.ASSIGNED, Outcome.QUEUED]


def test_the_roster_it_was_made_of_does_not_change() -> None:
    loads = {"ann": 0}
    draft(make_agent(), loads=loads).open(make_conversation(version=0), LOGISTICS)

    assert loads == {"ann": 0}


def test_the_version_follows_the_stored_one_however_often_it_is_touched() -> None:
    one = draft(make_agent())
    one.open(make_conversation(version=4), LOGISTICS)
    touched = one.conversation("c1")
    assert touched is not None
    one.keep(touched, LOGISTICS)

    assert [conversation.version for conversation in one.change().conversations] == [5]


def test_keeping_leaves_agent_and_skill_and_follows_the_language() -> None:
    one = draft(make_agent(), loads={"ann": 1})
    held = make_conversation(state=ConversationState.ASSIGNED, agent_id="ann", skill="finance", queued_ms=0)
    assignment = one.keep(held, LOGISTICS)
    (kept,) = one.change().conversations

    assert (assignment.outcome, assignment.agent_id, assignment.agent_name) == (Outcome.KEPT, "ann", "Ann")
    assert assignment.skill == kept.skill == "finance"
    assert (kept.agent_id, kept.language) == ("ann", "zh")
    assert one.change().claims == {}


def test_an_owner_who_is_no_agent_any_more_is_named_by_id() -> None:
    held = make_conversation(state=ConversationState.ASSIGNED, agent_id="gone")

    assert draft().keep(held, LOGISTICS).agent_name == "gone"


def test_closing_gives_the_place_back() -> None:
    one = draft(make_agent(), loads={"ann": 1})
    one.close(make_conversation(state=ConversationState.ASSIGNED, agent_id="ann", queued_ms=0))
    change = one.change()

    assert change.claims == {"ann": -1}
    assert [(one.state, one.agent_id) for one in change.conversations] == [(ConversationState.CLOSED, "")]


def test_closing_a_waiting_conversation_takes_it_out_of_the_queue() -> None:
    one = draft(make_agent())
    one.close(make_conversation(queued_ms=7))

    assert one.change().claims == {}
    assert [conversation.queued_ms for conversation in one.change().conversations] == [0]


def test_a_place_given_back_and_taken_again_is_no_claim() -> None:
    one = draft(make_agent(capacity=1), loads={"ann": 1})
    one.close(make_conversation("old", state=ConversationState.ASSIGNED, agent_id="ann"))
    given = one.drain([make_conversation("next")])

    assert [conversation.conversation_id for conversation, _ in given] == ["next"]
    assert one.change().claims == {}


def test_free_places_count_for_every_skill_of_those_online() -> None:
    one = draft(
        make_agent("ann", skills={"logistics": 1, "finance": 1}, capacity=3),
        make_agent("bob", skills={"finance": 1}, capacity=2),
        make_agent("full", skills={"general": 1}, capacity=1),
        make_agent("over", skills={"general": 1}, capacity=1),
        make_agent("away", skills={"general": 1}, capacity=9, presence=Presence.AWAY),
        loads={"ann": 1, "full": 1, "over": 2},
    )

    assert one.free_places() == {"logistics": 2, "finance": 4}


def test_draining_serves_in_the_order_given() -> None:
    one = draft(make_agent(capacity=2))
    given = one.drain([make_conversation(name) for name in ("first", "second", "third")])

    assert [conversation.conversation_id for conversation, _ in given] == ["first", "second"]
    assert [assignment.agent_id for _, assignment in given] == ["ann", "ann"]


def test_draining_passes_over_whom_nobody_may_serve() -> None:
    one = draft(make_agent(skills={"finance": 1}))
    given = one.drain([make_conversation("first"), make_conversation("second", skill="finance")])

    assert [conversation.conversation_id for conversation, _ in given] == ["second"]


def test_events_come_in_the_order_recorded() -> None:
    one = draft()
    events = [Event(conversation_id="c1", kind="k", time_ms=1, data=b"", key=key) for key in "ab"]
    for event in events:
        one.record(event)

    assert one.change().events == events
