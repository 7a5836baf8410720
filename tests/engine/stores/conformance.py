"""What `ports.Store` promises, for every implementation: see `conftest.py` for how to add one.

`opener` opens the same state again and again, as a restarted engine does; `store` is open at the start.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from engine.domain import Change, ConversationState, Event, Presence
from engine.errors import NotFoundError
from engine.ports import Store
from tests.fakes import make_agent, make_conversation

Opener = Callable[[], Store]
AWKWARD = [
    "a\x00b",
    "a",
    "",
    "'; DROP TABLE journal;--",
    '"quoted"',
    "{shop}",
    "a:b",
    "客户 🙂",
    "A",
    "%",
    "*",
    "\\",
]


def make_event(key: str = "", *, conversation_id: str = "c1", data: bytes = b"data") -> Event:
    kind = "message_received" if key else "conversation_closed"
    return Event(conversation_id=conversation_id, kind=kind, time_ms=5, data=data, key=key)


def commit(store: Store, **changes: object) -> bool:
    """One change of the tenant "shop"."""
    fields = {"tenant": "shop", "claims": {}} | changes
    (done,) = store.commit([Change(**fields)])  # type: ignore[arg-type]
    return done


def load(store: Store, agent_id: str = "ann") -> int:
    return store.roster("shop").loads.get(agent_id, 0)


class TestConversations:
    def test_a_new_conversation_is_found_as_it_was_kept(self, store: Store) -> None:
        one = make_conversation(queued_ms=0, state=ConversationState.ASSIGNED, agent_id="ann")
        commit(store, conversations=[one])

        assert store.conversations("shop", ["c1", "c2"]) == {"c1": one}

    def test_a_change_replaces_every_field(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        changed = make_conversation(
            channel=2,
            customer_id="cu2",
            state=ConversationState.CLOSED,
            skill="finance",
            language="zh",
            opened_ms=2,
            updated_ms=3,
            queued_ms=0,
            version=2,
        )

        assert commit(store, conversations=[changed])
        assert store.conversations("shop", ["c1"]) == {"c1": changed}

    def test_no_ids_give_nothing(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])

        assert store.conversations("shop", []) == {}

    def test_a_conversation_belongs_to_its_tenant(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])

        assert store.conversations("shop2", ["c1"]) == {}
        assert store.waiting("shop2", "logistics", 9) == []
        assert store.list_conversations("shop2", None, None, 9) == []
        assert store.open_conversations("shop2", [(1, "cu1")]) == {}

    @pytest.mark.parametrize("conversation_id", [text for text in AWKWARD if text])
    def test_any_text_is_an_id(self, store: Store, conversation_id: str) -> None:
        wanted = make_conversation(conversation_id)
        others = [make_conversation(text) for text in AWKWARD if text and text != conversation_id]
        commit(store, conversations=[*others, wanted])

        assert store.conversations("shop", [conversation_id]) == {conversation_id: wanted}

    def test_many_ids_are_found_at_once(self, store: Store) -> None:
        ids = [f"c{number}" for number in range(2000)]
        commit(store, conversations=[make_conversation(one) for one in ids])

        assert sorted(store.conversations("shop", ids)) == sorted(ids)


class TestStaleness:
    @pytest.mark.parametrize("version", [1, 3, 4])
    def test_a_version_that_does_not_follow_is_stale(self, store: Store, version: int) -> None:
        commit(store, conversations=[make_conversation()])

        assert not commit(store, conversations=[make_conversation(version=version, skill="finance")])
        assert store.conversations("shop", ["c1"])["c1"].skill == "logistics"

    def test_a_version_above_one_of_an_unknown_conversation_is_stale(self, store: Store) -> None:
        assert not commit(store, conversations=[make_conversation(version=2)])
        assert store.conversations("shop", ["c1"]) == {}

    def test_one_stale_conversation_undoes_all_of_its_change(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        commit(store, conversations=[make_conversation()])
        done = commit(
            store,
            conversations=[
                make_conversation("new"),
                make_conversation(version=2),
                make_conversation("gone", version=2),
            ],
            claims={"ann": 1},
            events=[make_event("k1")],
        )

        assert not done
        assert store.conversations("shop", ["new", "c1"]) == {"c1": make_conversation()}
        assert load(store) == 0
        assert store.records("shop", ["k1"]) == {}

    def test_a_stale_claim_undoes_all_of_its_change(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=1))
        store.put_agent("shop", make_agent("bob"))
        done = commit(
            store,
            conversations=[make_conversation()],
            claims={"bob": 1, "ann": 2},
            events=[make_event("k1")],
        )

        assert not done
        assert store.conversations("shop", ["c1"]) == {}
        assert (load(store, "ann"), load(store, "bob")) == (0, 0)
        assert store.events("shop", "c1", 0, 9) == []

    def test_a_known_key_undoes_all_of_its_change(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        commit(store, events=[make_event("k1", data=b"first")])
        done = commit(
            store,
            conversations=[make_conversation()],
            claims={"ann": 1},
            events=[make_event("k2"), make_event("k1", data=b"second")],
        )

        assert not done
        assert store.records("shop", ["k1", "k2"]) == {"k1": b"first"}
        assert store.conversations("shop", ["c1"]) == {}
        assert load(store) == 0

    def test_a_key_twice_in_one_change_is_stale(self, store: Store) -> None:
        assert not commit(store, events=[make_event("k1"), make_event("k1")])
        assert store.records("shop", ["k1"]) == {}

    def test_a_conversation_twice_in_one_change_is_stale(self, store: Store) -> None:
        assert not commit(store, conversations=[make_conversation(), make_conversation()])
        assert store.conversations("shop", ["c1"]) == {}

    def test_a_stale_change_hurts_none_beside_it(self, store: Store) -> None:
        changes = [
            Change(tenant="a", conversations=[make_conversation()], claims={}, events=[make_event("k1")]),
            Change(tenant="b", conversations=[make_conversation(version=7)], claims={}),
            Change(tenant="c", conversations=[make_conversation()], claims={}),
        ]

        assert store.commit(changes) == [True, False, True]
        assert [bool(store.conversations(tenant, ["c1"])) for tenant in "abc"] == [True, False, True]
        assert store.records("a", ["k1"]) == {"k1": b"data"}

    def test_a_change_sees_those_before_it(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=1))
        claim = Change(tenant="shop", claims={"ann": 1})

        assert store.commit([claim, claim]) == [True, False]
        assert load(store) == 1

    def test_no_changes_are_no_commit(self, store: Store) -> None:
        assert store.commit([]) == []

    def test_an_empty_change_is_committed(self, store: Store) -> None:
        assert commit(store)


class TestLoads:
    def test_a_claim_takes_places_and_gives_them_back(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=3))
        commit(store, claims={"ann": 3})
        commit(store, claims={"ann": -2})

        assert load(store) == 1

    def test_a_claim_counts_once_where_nothing_was_read_before(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        commit(store, claims={"ann": 1})

        assert load(store) == 1

    def test_two_changes_of_a_tenant_count_once_each(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        one = Change(tenant="shop", claims={"ann": 1})

        assert store.commit([one, one]) == [True, True]
        assert load(store) == 2

    def test_a_claim_up_to_capacity_is_no_stale_one(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=2))

        assert commit(store, claims={"ann": 2})
        assert load(store) == 2

    def test_a_claim_beyond_capacity_is_stale(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=2))
        commit(store, claims={"ann": 1})

        assert not commit(store, claims={"ann": 2})
        assert load(store) == 1

    def test_a_claim_of_an_agent_who_is_not_there_is_stale(self, store: Store) -> None:
        assert not commit(store, claims={"nobody": 1})

    def test_a_place_given_back_by_an_agent_who_is_not_there_is_none(self, store: Store) -> None:
        assert commit(store, claims={"nobody": -1})
        assert store.roster("shop").agents == {}

    def test_a_place_is_given_back_even_above_a_lowered_capacity(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=3))
        commit(store, claims={"ann": 3})
        store.put_agent("shop", make_agent(capacity=1))

        assert commit(store, claims={"ann": -1})
        assert load(store) == 2

    def test_a_load_never_falls_below_zero(self, store: Store) -> None:
        store.put_agent("shop", make_agent())

        assert commit(store, claims={"ann": -1})
        assert load(store) == 0

    def test_loads_of_tenants_are_apart(self, store: Store) -> None:
        for tenant in ("shop", "shop2"):
            store.put_agent(tenant, make_agent())
        commit(store, claims={"ann": 1})

        assert store.roster("shop2").loads.get("ann", 0) == 0


class TestRoster:
    def test_a_tenant_without_agents_has_an_empty_roster(self, store: Store) -> None:
        roster = store.roster("shop")

        assert (dict(roster.agents), dict(roster.loads)) == ({}, {})

    def test_a_new_agent_is_offline_and_holds_nothing(self, store: Store) -> None:
        store.put_agent("shop", make_agent(languages=frozenset({"zh", "en"}), presence=Presence.ONLINE))

        wanted = make_agent(languages=frozenset({"zh", "en"}), presence=Presence.OFFLINE)
        assert dict(store.roster("shop").agents) == {"ann": wanted}
        assert load(store) == 0

    def test_putting_an_agent_again_keeps_presence_and_load(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.ONLINE)
        commit(store, claims={"ann": 2})
        store.put_agent("shop", make_agent(name="Anna", skills={"finance": 5}, capacity=1))

        wanted = make_agent(name="Anna", skills={"finance": 5}, capacity=1, presence=Presence.ONLINE)
        assert dict(store.roster("shop").agents) == {"ann": wanted}
        assert load(store) == 2

    @pytest.mark.parametrize("presence", Presence)
    def test_presence_is_kept(self, store: Store, presence: Presence) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", presence)

        assert store.roster("shop").agents["ann"].presence is presence

    def test_presence_of_an_agent_who_is_not_there_is_refused(self, store: Store) -> None:
        store.put_agent("shop2", make_agent())

        with pytest.raises(NotFoundError, match=r"shop.*ann"):
            store.set_presence("shop", "ann", Presence.ONLINE)

    def test_a_roster_does_not_change_later(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        before = store.roster("shop")
        store.put_agent("shop", make_agent("bob"))
        store.set_presence("shop", "ann", Presence.BUSY)
        commit(store, claims={"ann": 1})

        assert set(before.agents) == {"ann"}
        assert before.agents["ann"].presence is Presence.OFFLINE
        assert before.loads.get("ann", 0) == 0

    def test_a_roster_read_again_shows_every_change(self, store: Store) -> None:
        before = store.roster("shop")
        store.put_agent("shop", make_agent())
        put = store.roster("shop")
        store.set_presence("shop", "ann", Presence.ONLINE)
        online = store.roster("shop")
        commit(store, claims={"ann": 1})
        loaded = store.roster("shop")
        store.put_agent("shop", make_agent(name="Anna"))

        assert [len(before.agents), len(put.agents)] == [0, 1]
        assert online.agents["ann"].presence is Presence.ONLINE
        assert loaded.loads["ann"] == 1
        assert store.roster("shop").agents["ann"].name == "Anna"
        assert load(store) == 1

    def test_a_roster_read_after_a_stale_change_is_unchanged(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=1))
        store.roster("shop")
        commit(store, claims={"ann": 2})

        assert load(store) == 0


class TestOpenConversations:
    def test_the_newest_open_one_of_each_customer_is_found(self, store: Store) -> None:
        commit(
            store,
            conversations=[
                make_conversation("old", opened_ms=1),
                make_conversation("new", opened_ms=3, state=ConversationState.ASSIGNED),
                make_conversation("middle", opened_ms=2),
                make_conversation("other", customer_id="cu2"),
            ],
        )
        found = store.open_conversations("shop", [(1, "cu1"), (1, "cu2"), (1, "cu3"), (2, "cu1")])

        assert {key: one.conversation_id for key, one in found.items()} == {
            (1, "cu1"): "new",
            (1, "cu2"): "other",
        }

    def test_a_closed_one_is_not_open(self, store: Store) -> None:
        commit(
            store,
            conversations=[
                make_conversation("open", opened_ms=1),
                make_conversation("closed", opened_ms=2, state=ConversationState.CLOSED),
            ],
        )
        found = store.open_conversations("shop", [(1, "cu1")])

        assert found[1, "cu1"].conversation_id == "open"

    def test_a_reopened_one_is_open(self, store: Store) -> None:
        commit(store, conversations=[make_conversation(state=ConversationState.CLOSED)])
        commit(store, conversations=[make_conversation(version=2)])

        assert store.open_conversations("shop", [(1, "cu1")]) == {(1, "cu1"): make_conversation(version=2)}

    def test_of_two_opened_together_the_greater_id_is_the_newest(self, store: Store) -> None:
        commit(store, conversations=[make_conversation("b"), make_conversation("a")])

        assert store.open_conversations("shop", [(1, "cu1")])[1, "cu1"].conversation_id == "b"

    @pytest.mark.parametrize("customer_id", AWKWARD)
    def test_any_text_is_a_customer(self, store: Store, customer_id: str) -> None:
        everyone = [
            make_conversation(f"c{number}", customer_id=text, opened_ms=number)
            for number, text in enumerate(AWKWARD)
        ]
        commit(store, conversations=everyone)
        found = store.open_conversations("shop", [(1, customer_id)])

        assert [one.customer_id for one in found.values()] == [customer_id]
        assert list(found) == [(1, customer_id)]

    def test_no_customers_give_nothing(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])

        assert store.open_conversations("shop", []) == {}


class TestWaiting:
    def test_the_longest_wait_comes_first_and_ties_go_by_id(self, store: Store) -> None:
        waits = {"d": 3, "b": 1, "a": 2, "e": 1, "c": 1}
        commit(
            store,
            conversations=[make_conversation(one, queued_ms=since) for one, since in waits.items()],
        )

        assert [one.conversation_id for one in store.waiting("shop", "logistics", 9)] == list("bcead")

    def test_no_more_are_given_than_asked_for(self, store: Store) -> None:
        commit(store, conversations=[make_conversation(one) for one in "abc"])

        assert [one.conversation_id for one in store.waiting("shop", "logistics", 2)] == ["a", "b"]

    def test_only_those_who_wait_for_the_skill_are_given(self, store: Store) -> None:
        commit(
            store,
            conversations=[
                make_conversation("finance", skill="finance"),
                make_conversation("assigned", state=ConversationState.ASSIGNED, agent_id="ann"),
                make_conversation("closed", state=ConversationState.CLOSED),
                make_conversation("waiting"),
            ],
        )

        assert store.waiting("shop", "logistics", 9) == [make_conversation("waiting")]

    def test_one_that_left_the_queue_waits_no_more(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        commit(store, conversations=[make_conversation(state=ConversationState.ASSIGNED, version=2)])

        assert store.waiting("shop", "logistics", 9) == []

    def test_one_that_changed_its_skill_waits_for_the_new_one(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        commit(store, conversations=[make_conversation(skill="finance", version=2)])

        assert store.waiting("shop", "logistics", 9) == []
        assert len(store.waiting("shop", "finance", 9)) == 1


class TestListing:
    def test_the_newest_comes_first(self, store: Store) -> None:
        opened = {"a": 2, "b": 3, "c": 2, "d": 1}
        commit(store, conversations=[make_conversation(one, opened_ms=at) for one, at in opened.items()])

        found = store.list_conversations("shop", None, None, 9)
        assert [one.conversation_id for one in found] == list("bcad")

    def test_pages_join_without_gap_or_repeat(self, store: Store) -> None:
        commit(
            store,
            conversations=[make_conversation(f"c{number}", opened_ms=number // 3) for number in range(10)],
        )
        seen: list[str] = []
        before = None
        while len(seen) < 20 and (page := store.list_conversations("shop", None, before, 4)):
            seen += [one.conversation_id for one in page]
            before = (page[-1].opened_ms, page[-1].conversation_id)

        whole = store.list_conversations("shop", None, None, 99)
        assert seen == [one.conversation_id for one in whole]
        assert len(seen) == len(set(seen)) == 10

    @pytest.mark.parametrize("state", ConversationState)
    def test_a_state_leaves_the_others_out(self, store: Store, state: ConversationState) -> None:
        commit(store, conversations=[make_conversation(one, state=one) for one in ConversationState])
        found = store.list_conversations("shop", state, None, 9)

        assert [one.state for one in found] == [state]

    def test_a_page_of_one_state_begins_where_the_last_ended(self, store: Store) -> None:
        commit(
            store,
            conversations=[
                make_conversation(f"c{number}", opened_ms=number, state=state)
                for number, state in enumerate(itertools.islice(itertools.cycle(ConversationState), 9))
            ],
        )
        found = store.list_conversations("shop", ConversationState.WAITING, (6, "c6"), 9)

        assert [one.conversation_id for one in found] == ["c3", "c0"]


class TestJournal:
    def test_a_record_is_found_by_its_key(self, store: Store) -> None:
        commit(store, events=[make_event("1:m1", data=b"\x00\xff"), make_event("1:m2", data=b"")])

        assert store.records("shop", ["1:m1", "1:m2", "1:m3"]) == {"1:m1": b"\x00\xff", "1:m2": b""}

    def test_keys_of_tenants_are_apart(self, store: Store) -> None:
        commit(store, events=[make_event("k1")])

        assert store.records("shop2", ["k1"]) == {}
        assert commit(store, tenant="shop2", events=[make_event("k1", data=b"theirs")])
        assert store.records("shop", ["k1"]) == {"k1": b"data"}

    @pytest.mark.parametrize("message_id", AWKWARD)
    def test_any_text_is_a_key(self, store: Store, message_id: str) -> None:
        commit(store, events=[make_event(f"1:{text}", data=text.encode()) for text in AWKWARD])

        assert store.records("shop", [f"1:{message_id}"]) == {f"1:{message_id}": message_id.encode()}

    def test_no_keys_give_nothing(self, store: Store) -> None:
        commit(store, events=[make_event("k1")])

        assert store.records("shop", []) == {}

    def test_events_come_in_the_order_committed(self, store: Store) -> None:
        first = [make_event("k1"), make_event("k2"), make_event()]
        commit(store, events=first)
        commit(store, events=[make_event("k3")])
        found = store.events("shop", "c1", 0, 9)

        assert [one.event for one in found] == [*first, make_event("k3")]
        assert [one.sequence for one in found] == sorted({one.sequence for one in found})
        assert found[0].sequence >= 1

    def test_events_without_a_key_may_be_alike(self, store: Store) -> None:
        assert commit(store, events=[make_event(), make_event()])
        assert len(store.events("shop", "c1", 0, 9)) == 2

    def test_events_are_those_of_the_conversation_and_tenant(self, store: Store) -> None:
        commit(store, events=[make_event("k1"), make_event("k2", conversation_id="c2")])
        commit(store, tenant="shop2", events=[make_event("k3")])

        assert [one.event.key for one in store.events("shop", "c1", 0, 9)] == ["k1"]

    def test_pages_of_events_join_without_gap_or_repeat(self, store: Store) -> None:
        commit(store, events=[make_event(f"k{number}") for number in range(7)])
        seen: list[str] = []
        after = 0
        while len(seen) < 20 and (page := store.events("shop", "c1", after, 3)):
            seen += [one.event.key for one in page]
            after = page[-1].sequence

        assert seen == [f"k{number}" for number in range(7)]

    def test_a_sequence_grows_along_the_tenant(self, store: Store) -> None:
        for number in range(6):
            commit(store, events=[make_event(f"k{number}", conversation_id=f"c{number % 2}")])
        even, odd = (store.events("shop", one, 0, 9) for one in ("c0", "c1"))

        merged = sorted([*even, *odd], key=lambda one: one.sequence)
        assert [one.event.key for one in merged] == [f"k{number}" for number in range(6)]

    def test_the_last_record_is_that_of_the_last_message(self, store: Store) -> None:
        commit(
            store, events=[make_event("k1", data=b"1"), make_event("k2", data=b"2"), make_event(data=b"3")]
        )

        assert store.last_record("shop", "c1") == b"2"

    def test_a_conversation_without_a_message_has_no_last_record(self, store: Store) -> None:
        commit(store, events=[make_event()])
        commit(store, tenant="shop2", events=[make_event("k1")])

        assert store.last_record("shop", "c1") is None


class TestOpeningAgain:
    def test_everything_is_kept(self, store: Store, opener: Opener) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.AWAY)
        commit(store, conversations=[make_conversation()], claims={"ann": 1}, events=[make_event("k1")])
        store.close()
        again = opener()

        assert dict(again.roster("shop").agents) == {"ann": make_agent(presence=Presence.AWAY)}
        assert load(again) == 1
        assert again.conversations("shop", ["c1"]) == {"c1": make_conversation()}
        assert again.records("shop", ["k1"]) == {"k1": b"data"}

    def test_sequences_grow_on(self, store: Store, opener: Opener) -> None:
        commit(store, events=[make_event("k1")])
        store.close()
        again = opener()
        commit(again, events=[make_event("k2")])

        first, second = again.events("shop", "c1", 0, 9)
        assert second.sequence > first.sequence

    def test_a_refused_change_leaves_nothing_behind(self, store: Store, opener: Opener) -> None:
        commit(store, conversations=[make_conversation()], claims={"nobody": 1}, events=[make_event("k1")])
        store.close()
        again = opener()

        assert again.conversations("shop", ["c1"]) == {}
        assert again.records("shop", ["k1"]) == {}
