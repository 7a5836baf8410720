"""What `ports.Store` promises, for every implementation: see `conftest.py` for how to add one.

`opener` opens the same state again and again, as a restarted engine does; `store` is open at the start.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.domain import Change, Conversation, ConversationState, Event, Mood, Presence, Requirement, Shift
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
    fields = {"tenant": "shop"} | changes
    (done,) = store.commit([Change(**fields)])  # type: ignore[arg-type]
    return done


HELD = make_conversation(state=ConversationState.ASSIGNED, agent_id="ann", queues=())
KEPT = replace(HELD, version=2, updated_ms=77, mood=Mood(anger=0.5, is_angry=True))


def keep(store: Store, *kept: Conversation) -> bool:
    """With a message in each."""
    events = [
        make_event(f"{one.conversation_id}:{one.version}", conversation_id=one.conversation_id)
        for one in kept
    ]
    return commit(store, kept=kept, events=events)


def until(holds: Callable[[], bool]) -> None:
    """Wait, for some stores tell from another thread."""
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)


def load(store: Store, agent_id: str = "ann", tenant: str = "shop") -> int:
    roster = store.roster(tenant)
    return int(roster.load[roster.rows[agent_id]])


def waiting(store: Store, queue: str = "logistics", limit: int = 9, tenant: str = "shop") -> list[str]:
    return [one.conversation_id for one in store.waiting(tenant, {queue: limit})]


class TestConversations:
    def test_a_new_conversation_is_found_as_it_was_kept(self, store: Store) -> None:
        one = make_conversation(queued_ms=0, queues=(), state=ConversationState.ASSIGNED, agent_id="ann")
        commit(store, conversations=[one])

        assert store.conversations("shop", ["c1", "c2"]) == {"c1": one}

    def test_a_change_replaces_every_field(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        changed = make_conversation(
            channel=2,
            customer_id="cu2",
            state=ConversationState.OFFERED,
            requirement=Requirement(
                skill="finance",
                skills={"finance": 0.6, "退款": 0.4},
                language="zh",
                agent_id="ann",
                preferred_agent_id="ben",
                team="night",
                priority=3,
                vip=2,
            ),
            agent_id="ann",
            units=50,
            reservation_id="c1~2",
            opened_ms=2,
            updated_ms=3,
            queued_ms=4,
            rank_ms=-5,
            due_ms=6,
            relaxation=2,
            queues=(),
            declined=("cat", "dan"),
            last_agent_id="eve",
            last_agent_ms=7,
            participants=("fay",),
            mood=Mood(anger=0.75, is_angry=True),
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
        assert waiting(store, tenant="shop2") == []
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

        assert not commit(store, conversations=[make_conversation(version=version, customer_id="cu2")])
        assert store.conversations("shop", ["c1"])["c1"].customer_id == "cu1"

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
            Change(tenant="a", conversations=[make_conversation()], events=[make_event("k1")]),
            Change(tenant="b", conversations=[make_conversation(version=7)]),
            Change(tenant="c", conversations=[make_conversation()]),
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


class TestAlone:
    def test_a_second_conversation_of_a_customer_is_stale_where_it_is_to_be_alone(self, store: Store) -> None:
        commit(store, conversations=[make_conversation("c1")])

        assert not commit(store, conversations=[make_conversation("c2")], alone={"c2"})
        assert list(store.conversations("shop", ["c1", "c2"])) == ["c1"]

    def test_what_is_not_to_be_alone_may_be_another_one(self, store: Store) -> None:
        commit(store, conversations=[make_conversation("c1")])

        assert commit(store, conversations=[make_conversation("c2")])

    def test_a_closed_one_leaves_its_customer_alone(self, store: Store) -> None:
        commit(store, conversations=[make_conversation("c1", state=ConversationState.CLOSED)])

        assert commit(store, conversations=[make_conversation("c2")], alone={"c2"})

    def test_one_of_another_customer_is_no_company(self, store: Store) -> None:
        commit(
            store,
            conversations=[make_conversation("c1", customer_id="cu2"), make_conversation("c0", channel=2)],
        )

        assert commit(store, conversations=[make_conversation("c2")], alone={"c2"})

    def test_those_of_the_same_change_are_no_company(self, store: Store) -> None:
        both = [make_conversation("c1"), make_conversation("c2")]

        assert commit(store, conversations=both, alone={"c1"})


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
        assert store.roster("shop").agents == ()

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

        assert load(store, tenant="shop2") == 0


class TestStreaks:
    def test_a_streak_is_kept_until_it_is_set_again(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        commit(store, streaks={"ann": 2})
        kept = int(store.roster("shop").streak[0])
        commit(store, streaks={"ann": 0})

        assert (kept, int(store.roster("shop").streak[0])) == (2, 0)

    def test_a_streak_of_an_agent_who_is_not_there_is_none(self, store: Store) -> None:
        assert commit(store, streaks={"nobody": 1})

    def test_a_stale_change_sets_no_streak(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=1))

        assert not commit(store, streaks={"ann": 1}, claims={"ann": 2})
        assert store.roster("shop").streak.tolist() == [0]


class TestRoster:
    def test_a_tenant_without_agents_has_an_empty_roster(self, store: Store) -> None:
        roster = store.roster("shop")

        assert (roster.agents, dict(roster.rows), roster.load.tolist()) == ((), {}, [])

    def test_a_new_agent_is_offline_and_holds_nothing(self, store: Store) -> None:
        ann = make_agent(
            languages=frozenset({"zh", "en"}),
            teams=frozenset({"day"}),
            shifts=(Shift(weekday=7, start_minute=1, end_minute=1500),),
            time_zone="Asia/Shanghai",
        )
        store.put_agent("shop", ann)
        roster = store.roster("shop")

        assert roster.agents == (ann,)
        assert roster.presences == [Presence.OFFLINE]
        columns = roster.online, roster.leases, roster.load, roster.streak
        assert [column.tolist() for column in columns] == [[False], [0], [0], [0]]

    def test_agents_come_by_id(self, store: Store) -> None:
        for agent_id in ("ben", "dan", "ann", "cat"):
            store.put_agent("shop", make_agent(agent_id))
        roster = store.roster("shop")

        assert [one.agent_id for one in roster.agents] == ["ann", "ben", "cat", "dan"]
        assert dict(roster.rows) == {"ann": 0, "ben": 1, "cat": 2, "dan": 3}

    def test_putting_an_agent_again_keeps_presence_and_load(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.ONLINE, 9)
        commit(store, claims={"ann": 2}, streaks={"ann": 1})
        anna = make_agent(name="Anna", skills={"finance": 5}, capacity=1)
        store.put_agent("shop", anna)
        roster = store.roster("shop")

        assert roster.agents == (anna,)
        assert (roster.presences, roster.leases.tolist()) == ([Presence.ONLINE], [9])
        assert (roster.load.tolist(), roster.streak.tolist()) == ([2], [1])

    def test_who_came_online_or_changed_there_came(self, store: Store) -> None:
        for agent_id in ("ann", "ben", "cat"):
            store.put_agent("shop", make_agent(agent_id))
        store.roster("shop").came.clear()
        store.set_presence("shop", "ann", Presence.ONLINE)
        store.set_presence("shop", "ben", Presence.BUSY)
        store.put_agent("shop", make_agent("cat", capacity=1))
        assert store.roster("shop").came == {"ann"}

        store.roster("shop").came.clear()
        store.set_presence("shop", "ann", Presence.ONLINE, 9)
        assert store.roster("shop").came == set()
        store.put_agent("shop", make_agent("ann", capacity=1))
        assert store.roster("shop").came == {"ann"}

    def test_a_store_that_is_opened_does_not_know_who_was_served(self, store: Store, opener: Opener) -> None:
        for agent_id in ("ann", "ben"):
            store.put_agent("shop", make_agent(agent_id))
        store.set_presence("shop", "ann", Presence.ONLINE)
        store.close()

        assert opener().roster("shop").came == {"ann"}

    def test_a_new_agent_takes_nothing_from_those_beside(self, store: Store) -> None:
        store.put_agent("shop", make_agent("ben"))
        store.set_presence("shop", "ben", Presence.BUSY, 7)
        commit(store, claims={"ben": 2}, streaks={"ben": 1})
        store.put_agent("shop", make_agent("ann"))
        roster = store.roster("shop")

        assert (roster.presences, roster.leases.tolist()) == ([Presence.OFFLINE, Presence.BUSY], [0, 7])
        assert (roster.load.tolist(), roster.streak.tolist()) == ([0, 2], [0, 1])

    def test_the_agents_are_the_same_object_until_one_changes(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        before = store.roster("shop")
        commit(store, claims={"ann": 1})
        store.set_presence("shop", "ann", Presence.ONLINE)

        assert store.roster("shop").agents is before.agents
        store.put_agent("shop", make_agent(name="Anna"))
        assert store.roster("shop").agents is not before.agents

    @pytest.mark.parametrize("presence", Presence)
    def test_presence_is_kept(self, store: Store, presence: Presence) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", presence)
        roster = store.roster("shop")

        assert roster.presences == [presence]
        assert roster.online.tolist() == [presence is Presence.ONLINE]

    def test_presence_of_an_agent_who_is_not_there_is_refused(self, store: Store) -> None:
        store.put_agent("shop2", make_agent())

        with pytest.raises(NotFoundError, match=r"shop.*ann"):
            store.set_presence("shop", "ann", Presence.ONLINE)

    def test_a_roster_read_again_shows_every_change(self, store: Store) -> None:
        none = len(store.roster("shop").agents)
        store.put_agent("shop", make_agent())
        one = len(store.roster("shop").agents)
        store.set_presence("shop", "ann", Presence.ONLINE)
        online = store.roster("shop").presences[0]
        commit(store, claims={"ann": 1})
        loaded = load(store)
        store.put_agent("shop", make_agent(name="Anna"))

        assert (none, one, online, loaded) == (0, 1, Presence.ONLINE, 1)
        assert store.roster("shop").agents[0].name == "Anna"
        assert load(store) == 1

    def test_a_roster_read_after_a_stale_change_is_unchanged(self, store: Store) -> None:
        store.put_agent("shop", make_agent(capacity=1))
        store.roster("shop")
        commit(store, claims={"ann": 2})

        assert load(store) == 0


class TestTime:
    def test_what_is_due_comes_earliest_first(self, store: Store) -> None:
        moments = {"a": 30, "b": 10, "c": 20, "d": 31, "e": 0}
        commit(store, conversations=[make_conversation(one, due_ms=at) for one, at in moments.items()])
        commit(store, tenant="shop2", conversations=[make_conversation("b", due_ms=15)])

        assert store.due(30) == [("shop", "b"), ("shop2", "b"), ("shop", "c"), ("shop", "a")]
        assert store.due(9) == []

    def test_what_is_due_no_more_is_not_named(self, store: Store) -> None:
        commit(store, conversations=[make_conversation(due_ms=10)])
        commit(store, conversations=[make_conversation(due_ms=0, version=2)])

        assert store.due(99) == []
        assert store.next_due_ms() is None

    def test_a_lease_lapses_at_its_end(self, store: Store) -> None:
        for agent_id, presence, lease_ms in (
            ("ann", Presence.ONLINE, 20),
            ("ben", Presence.OFFLINE, 10),
            ("cat", Presence.AWAY, 0),
            ("dan", Presence.BUSY, 21),
        ):
            store.put_agent("shop", make_agent(agent_id))
            store.set_presence("shop", agent_id, presence, lease_ms)

        assert store.lapsed(19) == []
        assert store.lapsed(20) == [("shop", "ann")]
        assert store.next_due_ms() == 20

    def test_the_next_moment_is_the_earliest_of_both(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.ONLINE, 50)
        commit(store, tenant="shop2", conversations=[make_conversation(due_ms=40)])

        assert store.next_due_ms() == 40

    def test_a_renewed_lease_lapses_later(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.ONLINE, 20)
        store.set_presence("shop", "ann", Presence.ONLINE, 40)

        assert (store.lapsed(39), store.lapsed(40)) == ([], [("shop", "ann")])

    @pytest.mark.parametrize("presence", [Presence.BUSY, Presence.OFFLINE])
    def test_renewing_a_lease_leaves_the_presence(self, store: Store, presence: Presence) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", presence, 20)
        store.renew("shop", "ann", 40)

        assert store.roster("shop").presences == [presence]
        assert store.lapsed(99) == ([("shop", "ann")] if presence is Presence.BUSY else [])
        assert store.lapsed(39) == []

    def test_only_a_known_agent_has_a_lease_to_renew(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="ann"):
            store.renew("shop", "ann", 40)
        assert store.lapse("shop", "ann", 99) is None

    def test_an_agent_goes_offline_once_when_the_lease_ends(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.AWAY, 20)

        assert [store.lapse("shop", "ann", now_ms) for now_ms in (19, 20, 20)] == [None, 0, None]
        assert store.roster("shop").presences == [Presence.OFFLINE]
        assert store.next_due_ms() is None

    def test_a_lease_that_was_renewed_meanwhile_does_not_lapse(self, store: Store) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.ONLINE, 20)
        assert store.lapsed(30) == [("shop", "ann")]
        store.renew("shop", "ann", 50)

        assert store.lapse("shop", "ann", 30) is None
        assert store.roster("shop").presences == [Presence.ONLINE]


class TestHeld:
    def test_what_an_agent_holds_comes_by_id(self, store: Store) -> None:
        states = {
            "b": ConversationState.OFFERED,
            "a": ConversationState.ASSIGNED,
            "c": ConversationState.WRAPPING,
        }
        held = {one: make_conversation(one, state=state, agent_id="ann") for one, state in states.items()}
        others = [make_conversation("d", agent_id="ben"), make_conversation("e")]
        commit(store, conversations=[*held.values(), *others])

        assert store.held("shop", "ann") == [held["a"], held["b"], held["c"]]
        assert store.held("shop2", "ann") == []
        assert store.held("shop", "") == []

    def test_what_was_given_on_is_not_held(self, store: Store) -> None:
        commit(store, conversations=[make_conversation(agent_id="ann")])
        commit(store, conversations=[make_conversation(agent_id="ben", version=2)])

        assert store.held("shop", "ann") == []
        assert [one.conversation_id for one in store.held("shop", "ben")] == ["c1"]


class TestListeners:
    def test_a_listener_hears_of_each_commit(self, store: Store) -> None:
        heard: list[tuple[str, str, int]] = []
        store.subscribe(
            lambda tenant, changed: heard.extend(
                (tenant, one.conversation_id, one.version) for one in changed
            )
        )
        commit(store, conversations=[make_conversation("a"), make_conversation("b")])
        commit(store, conversations=[make_conversation("a", version=7)])
        commit(store, conversations=[make_conversation("a", version=2)])

        until(lambda: len(heard) == 3)
        assert heard == [("shop", "a", 1), ("shop", "b", 1), ("shop", "a", 2)]


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
    def test_the_lower_rank_comes_first_and_ties_go_by_id(self, store: Store) -> None:
        ranks = {"d": 3, "b": 1, "a": -2, "e": 1, "c": 1}
        commit(store, conversations=[make_conversation(one, rank_ms=rank) for one, rank in ranks.items()])

        assert waiting(store) == list("abced")

    def test_no_more_are_given_of_a_queue_than_asked_for(self, store: Store) -> None:
        commit(store, conversations=[make_conversation(one) for one in "abc"])

        assert waiting(store, limit=2) == ["a", "b"]

    def test_one_in_several_queues_comes_once_and_queues_join_in_order(self, store: Store) -> None:
        places = {"a": (3, ("x", "y")), "b": (1, ("y",)), "c": (2, ("x",)), "d": (4, ("z",))}
        commit(
            store,
            conversations=[
                make_conversation(one, rank_ms=rank, queues=queues) for one, (rank, queues) in places.items()
            ],
        )
        found = store.waiting("shop", {"x": 2, "y": 2, "none": 5})

        assert [one.conversation_id for one in found] == ["b", "c", "a"]

    def test_one_that_left_the_queue_waits_no_more(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        commit(
            store,
            conversations=[make_conversation(state=ConversationState.ASSIGNED, queues=(), version=2)],
        )

        assert waiting(store) == []

    def test_one_that_changed_its_queues_waits_in_the_new_ones(self, store: Store) -> None:
        commit(store, conversations=[make_conversation()])
        commit(store, conversations=[make_conversation(queues=("finance",), version=2)])

        assert (waiting(store), waiting(store, "finance")) == ([], ["c1"])

    def test_one_that_changed_its_rank_stands_there_alone(self, store: Store) -> None:
        commit(store, conversations=[make_conversation("a", rank_ms=1), make_conversation("b", rank_ms=2)])
        commit(store, conversations=[make_conversation("a", rank_ms=3, version=2)])

        assert waiting(store) == ["b", "a"]

    @pytest.mark.parametrize("queue", [text for text in AWKWARD if text])
    def test_any_text_is_a_queue(self, store: Store, queue: str) -> None:
        commit(store, conversations=[make_conversation(f"in {text}", queues=(text,)) for text in AWKWARD])

        assert waiting(store, queue) == [f"in {queue}"]


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

        assert [one.conversation_id for one in found] == ["c5", "c0"]


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


class TestKept:
    """Conversations of which only the mood changed."""

    def test_a_kept_conversation_is_read_as_it_is_now(self, store: Store) -> None:
        commit(store, conversations=[HELD])
        assert keep(store, KEPT)

        assert store.conversations("shop", ["c1"]) == {"c1": KEPT}
        assert store.open_conversations("shop", [(1, "cu1")]) == {(1, "cu1"): KEPT}
        assert store.held("shop", "ann") == [KEPT]
        assert store.list_conversations("shop", None, None, 9) == [KEPT]

    def test_a_kept_conversation_needs_no_event(self, store: Store, opener: Opener) -> None:
        commit(store, conversations=[HELD])
        commit(store, kept=[KEPT])
        store.close()

        assert opener().conversations("shop", ["c1"]) == {"c1": KEPT}

    def test_a_kept_conversation_must_follow_too(self, store: Store) -> None:
        commit(store, conversations=[HELD])
        keep(store, KEPT)

        assert not commit(store, kept=[KEPT], events=[make_event("again")])
        assert store.records("shop", ["again"]) == {}

    def test_a_change_follows_what_was_kept(self, store: Store, opener: Opener) -> None:
        commit(store, conversations=[HELD])
        keep(store, KEPT)
        closed = make_conversation(state=ConversationState.CLOSED, queues=(), version=3)
        assert commit(store, conversations=[closed])
        store.close()
        again = opener()

        assert again.conversations("shop", ["c1"]) == {"c1": closed}
        assert again.open_conversations("shop", [(1, "cu1")]) == {}

    def test_who_listens_hears_of_what_was_kept(self, store: Store) -> None:
        commit(store, conversations=[HELD])
        heard: list[Conversation] = []
        store.subscribe(lambda _, conversations: heard.extend(conversations))
        keep(store, KEPT)
        until(lambda: bool(heard))

        assert heard == [KEPT]


class TestOpeningAgain:
    def test_everything_is_kept(self, store: Store, opener: Opener) -> None:
        store.put_agent("shop", make_agent())
        store.set_presence("shop", "ann", Presence.AWAY)
        commit(store, conversations=[make_conversation()], claims={"ann": 1}, events=[make_event("k1")])
        store.close()
        again = opener()

        assert again.roster("shop").agents == (make_agent(),)
        assert again.roster("shop").presences == [Presence.AWAY]
        assert load(again) == 1
        assert waiting(again) == ["c1"]
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


class TestOfCustomer:
    def test_a_customers_conversations_come_newest_first_open_or_not(self, store: Store) -> None:
        old = make_conversation("old", opened_ms=1, state=ConversationState.CLOSED, queues=())
        new = make_conversation("new", opened_ms=2)
        other = make_conversation("other", opened_ms=3, customer_id="cu2")
        elsewhere = make_conversation("elsewhere", opened_ms=3, channel=2)
        assert store.commit([Change(tenant="shop", conversations=[old, new, other, elsewhere])]) == [True]

        assert [one.conversation_id for one in store.of_customer("shop", 1, "cu1", 9)] == ["new", "old"]
        assert [one.conversation_id for one in store.of_customer("shop", 1, "cu1", 1)] == ["new"]
        assert store.of_customer("other", 1, "cu1", 9) == []

    def test_one_that_was_closed_stays(self, store: Store) -> None:
        opened = make_conversation("c1")
        store.commit([Change(tenant="shop", conversations=[opened])])
        closed = replace(opened, state=ConversationState.CLOSED, queues=(), version=2)
        store.commit([Change(tenant="shop", conversations=[closed])])

        assert store.of_customer("shop", 1, "cu1", 9) == [closed]

    def test_one_that_lost_its_customer_is_found_under_that_name_no_more(
        self, store: Store, opener: Opener
    ) -> None:
        opened = make_conversation("c1")
        store.commit([Change(tenant="shop", conversations=[opened])])
        nameless = replace(opened, customer_id="", version=2)
        store.commit([Change(tenant="shop", conversations=[nameless])])
        store.close()
        again = opener()

        assert again.conversations("shop", ["c1"]) == {"c1": nameless}
        assert again.of_customer("shop", 1, "cu1", 9) == []
        assert again.open_conversations("shop", [(1, "cu1")]) == {}


class TestLatestEvents:
    def test_the_newest_of_a_kind_come_newest_first(self, store: Store) -> None:
        kinds = ["seen", "other", "seen", "seen"]
        for number, kind in enumerate(kinds * 10):
            event = Event(conversation_id="~1:cu", kind=kind, time_ms=number, data=b"%d" % number)
            assert store.commit([Change(tenant="shop", events=[event])]) == [True]

        found = store.latest_events("shop", "~1:cu", "seen", 3)
        assert [one.event.data for one in found] == [b"39", b"38", b"36"]
        assert len(store.latest_events("shop", "~1:cu", "seen", 99)) == 30
        assert store.latest_events("other", "~1:cu", "seen", 3) == []
