from __future__ import annotations

from dataclasses import replace

import pytest
from yingda.v1 import event_pb2

from engine.domain import Event, StoredEvent
from engine.ports import Store
from engine.routing.policy import MINUTE
from engine.timeline.entry import commits
from engine.timeline.past import Past
from tests.engine.timeline.days import POLICIES, RULES, Day, journal, told
from tests.fakes import TENANT, Workday, make_desk


def rebuilt(store: Store) -> Past:
    past = Past(TENANT)
    for commit in told(store):
        past.apply(commit)
    return past


@pytest.mark.parametrize("policy", POLICIES)
def test_a_days_state_is_what_its_journal_tells(desk_store: Store, policy: str) -> None:
    desk = make_desk(desk_store, policy=POLICIES[policy])
    Day(desk, seed=1).open(340)
    past = rebuilt(desk_store)

    live = desk_store.list_conversations(TENANT, None, None, 10_000)
    assert {one.conversation_id: one for one in live} == past.conversations


@pytest.mark.parametrize("policy", POLICIES)
def test_a_day_with_rules_is_what_its_journal_tells(embedded: Store, policy: str) -> None:
    desk = make_desk(embedded, policy=POLICIES[policy], workday=Workday(rules=RULES))
    Day(desk, seed=6).open(340)
    past, live = rebuilt(embedded), embedded.list_conversations(TENANT, None, None, 10_000)

    assert {one.conversation_id: one for one in live} == past.conversations
    assert past.roster.load.tolist() == embedded.roster(TENANT).load.tolist()
    assert past.roster.streak.tolist() == embedded.roster(TENANT).streak.tolist()
    assert {rule.rule_id for rule in RULES} == {
        event_pb2.RuleFired.FromString(one.event.data).rule_id
        for one in journal(embedded)
        if one.event.kind == "rule_fired"
    }


def test_who_waits_moves_when_the_journal_tells_of_another_policy(embedded: Store) -> None:
    desk = make_desk(embedded, policy=POLICIES["strict"])
    Day(desk, seed=4).open(120)
    again = make_desk(
        embedded, policy=replace(POLICIES["strict"], min_proficiency=5, sla=2), clock=desk.clock
    )
    again.dispatcher.draft(TENANT)
    past, live = rebuilt(embedded), embedded.list_conversations(TENANT, None, None, 10_000)

    assert any("/5/" in name for one in live for name in one.queues)
    assert {one.conversation_id: one for one in live} == past.conversations


def test_agents_are_as_the_journal_tells(desk_store: Store) -> None:
    desk = make_desk(desk_store, policy=POLICIES["strict"])
    Day(desk, seed=2).open(50)
    told_of, live = rebuilt(desk_store).roster, desk_store.roster(TENANT)

    assert (told_of.agents, told_of.presences) == (live.agents, live.presences)
    assert told_of.load.tolist() == live.load.tolist()
    assert told_of.streak.tolist() == live.streak.tolist()


def test_a_conversations_own_entries_and_the_tenants_are_enough(embedded: Store) -> None:
    day = Day(make_desk(embedded, policy=POLICIES["strict"]), seed=3)
    day.open(40)

    for one in day.known:
        past = Past(TENANT)
        for commit in commits(
            entry for entry in journal(embedded) if entry.event.conversation_id in ("", one)
        ):
            past.apply(commit)
        assert past.conversations == embedded.conversations(TENANT, [one])


def test_every_entry_has_a_cause_or_comes_from_outside(embedded: Store) -> None:
    Day(make_desk(embedded, policy=POLICIES["strict"]), seed=4).open(60)
    entries = {one.sequence: one for one in journal(embedded)}

    for one in entries.values():
        cause = entries.get(one.cause)
        assert (cause is not None) is (one.cause != 0)
        if one.event.kind == "conversation_assigned":
            assert cause is not None
        if cause is None:
            assert one.event.kind not in ("mood_changed", "conversation_assigned")


def test_a_conversation_that_began_before_the_journal_stays_unknown() -> None:
    gone = StoredEvent(
        sequence=9,
        commit=9,
        event=Event(conversation_id="c1", kind="conversation_closed", time_ms=1, data=b""),
    )
    past = Past(TENANT)
    past.apply([gone])

    assert past.conversations == {}


def test_whoever_waits_moves_with_the_policy_in_the_journal_too(embedded: Store) -> None:
    Day(make_desk(embedded), seed=6).open(30)
    strict = make_desk(embedded, policy=POLICIES["strict"])
    strict.clock.advance(10 * MINUTE)
    strict.dispatcher.draft(TENANT)
    told_of = rebuilt(embedded)

    assert told_of.policy == POLICIES["strict"]
    assert told_of.conversations == embedded.conversations(TENANT, list(told_of.conversations))
