"""What `timeline.archive.Archive` promises of what is taken away, for whichever store `conftest.py` opens."""

from __future__ import annotations

from engine.bots.store import Page
from engine.domain import Change, ConversationState, Event
from engine.ports import Store
from engine.workflow.outbox import Firing, FollowUp
from tests.engine.stores.conformance import Opener
from tests.fakes import make_conversation

NOW, OLD = 1000, 10


def say(store: Store, name: str, time_ms: int, state: ConversationState = ConversationState.CLOSED) -> None:
    """A conversation's only message, by which it came to stand so."""
    conversation = make_conversation(
        conversation_id=name, customer_id=f"cu-{name}", state=state, queues=(), updated_ms=time_ms
    )
    event = Event(
        conversation_id=name, kind="message_received", time_ms=time_ms, data=name.encode(), key=f"1:{name}"
    )
    fired = FollowUp(firings=[Firing(conversation_id=name, rule_id="r", before_ms=0, fired_ms=1)])
    change = Change(tenant="shop", conversations=[conversation], events=[event], follow_up=fired)
    assert store.commit([change]) == [True]


def note(store: Store, name: str, time_ms: int) -> None:
    """An entry of a kind that has no conversation."""
    event = Event(conversation_id=name, kind="activity_recorded", time_ms=time_ms, data=b"x")
    assert store.commit([Change(tenant="shop", events=[event])]) == [True]


def prune(store: Store, limit: int = 64) -> list[int]:
    """All that is old, step by step; up to where each came."""
    places = [0]
    while (place := store.archive.prune("shop", places[-1], NOW, limit)) != places[-1]:
        places.append(place)
    return places


def journal(store: Store) -> list[str]:
    """Whose entries are left."""
    found, page = [], Page(events=(), through=-1)
    through = 0
    while page.through != through:
        through = max(page.through, 0)
        page = store.bots.journal("shop", through, (), 100)
        found += [one.event.conversation_id for one in page.events]
    return found


class TestPrune:
    def test_what_is_old_and_over_goes(self, opener: Opener, store: Store) -> None:
        say(store, "c1", OLD)
        say(store, "c2", NOW)
        prune(store)
        gone = (
            store.conversations("shop", ["c1"]),
            store.records("shop", ["1:c1"]),
            store.workflow.fired("shop", ["c1"]),
        )
        store.close()
        again = opener()

        assert gone == ({}, {}, {})
        assert again.events("shop", "c1", 0, 9) == []
        assert again.of_customer("shop", 1, "cu-c1", 9) == []
        assert [one.conversation_id for one in again.list_conversations("shop", None, None, 9)] == ["c2"]
        assert journal(again) == ["c2"]
        assert set(again.records("shop", ["1:c2"])) == {"1:c2"}

    def test_what_goes_on_and_what_is_the_tenants_own_stays(self, store: Store) -> None:
        say(store, "open", OLD, ConversationState.WAITING)
        for name in ("", "~models", "~1:cu", "~1:busy"):
            note(store, name, OLD)
        note(store, "~1:busy", NOW)
        say(store, "c2", NOW)
        prune(store)

        assert [one for one in journal(store) if one != "~1:busy"] == ["open", "", "~models", "c2"]
        assert set(store.conversations("shop", ["open"])) == {"open"}
        assert store.events("shop", "~1:busy", 0, 9)[-1].event.time_ms == NOW

    def test_of_one_commit_what_goes_on_stays(self, opener: Opener, store: Store) -> None:
        names = ("c1", "", "c2", "c3")
        events = [
            Event(
                conversation_id=one,
                kind="message_received",
                time_ms=OLD,
                data=one.encode() * 3,
                key=f"1:{one}",
            )
            for one in names
        ]
        states = {
            "c1": ConversationState.CLOSED,
            "c2": ConversationState.WAITING,
            "c3": ConversationState.CLOSED,
        }
        conversations = [
            make_conversation(conversation_id=one, customer_id=one, state=state, queues=(), updated_ms=OLD)
            for one, state in states.items()
        ]
        store.commit([Change(tenant="shop", conversations=conversations, events=events)])
        before = {one.event.conversation_id: one for one in store.bots.journal("shop", 0, (), 9).events}
        say(store, "c4", NOW)
        prune(store)
        store.close()
        again = opener()
        left = again.bots.journal("shop", 0, (), 9).events

        assert [one.event for one in left[:2]] == [before[""].event, before["c2"].event]
        assert [one.sequence for one in left[:2]] == [before[""].sequence, before["c2"].sequence]
        assert again.events("shop", "c2", 0, 9)[0].event.data == b"c2c2c2"
        assert set(again.conversations("shop", ["c1", "c2", "c3"])) == {"c2"}

    def test_other_tenants_keep_theirs(self, store: Store) -> None:
        event = Event(conversation_id="c1", kind="message_received", time_ms=OLD, data=b"x", key="1:c1")
        store.commit([Change(tenant="other", events=[event])])
        say(store, "c1", OLD)
        say(store, "c2", NOW)
        prune(store)

        assert len(store.events("other", "c1", 0, 9)) == 1
        assert set(store.records("other", ["1:c1"])) == {"1:c1"}

    def test_it_goes_step_by_step_and_can_begin_anew(self, store: Store) -> None:
        for number in range(10):
            say(store, f"c{number}", OLD)
        say(store, "last", NOW)
        places = prune(store, limit=3)

        assert len(places) >= 4
        prune(store)
        assert journal(store) == ["last"]

    def test_numbers_are_not_given_again(self, opener: Opener, store: Store) -> None:
        say(store, "c1", OLD)
        say(store, "c2", OLD)
        before = store.bots.last_sequence("shop")
        prune(store)
        store.close()
        again = opener()
        say(again, "c3", NOW)

        assert again.bots.last_sequence("shop") > before
        assert again.events("shop", "c3", 0, 9)[0].sequence > before

    def test_a_message_of_a_name_that_was_let_go_is_a_new_one(self, store: Store) -> None:
        say(store, "c1", OLD)
        say(store, "c2", NOW)
        prune(store)
        say(store, "c1", NOW)

        assert [one.event.data for one in store.events("shop", "c1", 0, 9)] == [b"c1"]
        assert journal(store)[-1] == "c1"

    def test_the_newest_messages_of_all_are_those_that_are_left(self, store: Store) -> None:
        say(store, "c1", OLD)
        say(store, "c2", NOW)
        prune(store)

        assert store.assist.recent_records("shop", "", 9) == [b"c2"]

    def test_nothing_is_heard_any_more_of_what_was_rewritten_or_taken_away(self, store: Store) -> None:
        say(store, "c1", OLD)
        (one,) = store.events("shop", "c1", 0, 9)
        heard = [store.assist.recent_records("shop", "c1", 9)]
        store.archive.rewrite("shop", {one.sequence: b""})
        heard.append(store.assist.recent_records("shop", "c1", 9))
        say(store, "c2", NOW)
        prune(store)

        assert heard[0] == [b"c1"]
        assert b"c1" not in heard[1]
        assert store.assist.recent_records("shop", "c1", 9) == []

    def test_what_was_taken_away_can_be_rewritten_without_harm(self, store: Store) -> None:
        say(store, "c1", OLD)
        (one,) = store.events("shop", "c1", 0, 9)
        say(store, "c2", NOW)
        prune(store)
        store.archive.rewrite("shop", {one.sequence: b""})

        assert journal(store) == ["c2"]
