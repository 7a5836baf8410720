"""What every implementation of `bots.store.BotStore` must do."""

from __future__ import annotations

import pytest

from engine.domain import Change, Event
from engine.errors import NotFoundError
from engine.ports import Store
from tests.engine.stores.conformance import Opener


def journal(store: Store, *kinds: str, tenant: str = "shop", conversation_id: str = "c1") -> None:
    """Commit an event of each kind, in order."""
    events = [
        Event(conversation_id=conversation_id, kind=kind, time_ms=5, data=b"data %d" % number)
        for number, kind in enumerate(kinds)
    ]
    assert store.commit([Change(tenant=tenant, events=events)]) == [True]


def read(store: Store, *kinds: str, after: int = 0, limit: int = 99, tenant: str = "shop") -> list[str]:
    """The kinds of all events there are after a sequence, page by page."""
    found: list[str] = []
    while True:
        page = store.bots.journal(tenant, after, kinds, limit)
        found += [one.event.kind for one in page.events]
        assert [one.sequence for one in page.events] == sorted(one.sequence for one in page.events)
        if page.through == after:
            return found
        after = page.through


class TestBots:
    def test_an_empty_journal_has_nothing_to_read(self, store: Store) -> None:
        assert read(store) == []
        assert store.bots.last_sequence("shop") == 0

    def test_events_of_all_conversations_come_in_the_order_committed(self, store: Store) -> None:
        journal(store, "a", "b", conversation_id="c1")
        journal(store, "c", conversation_id="c 2\nx")
        journal(store, "d", conversation_id="c1")

        assert read(store) == ["a", "b", "c", "d"]

    def test_an_event_is_read_as_it_was_journaled(self, store: Store) -> None:
        event = Event(conversation_id="c\n7", kind="message_received", time_ms=9, data=b"\x00\n", key="1:m")
        store.commit([Change(tenant="shop", events=[event])])

        (found,) = store.bots.journal("shop", 0, (), 9).events
        assert found.event == event

    def test_only_the_kinds_asked_for_are_read(self, store: Store) -> None:
        journal(store, "a", "ab", "b", "a")

        assert read(store, "a") == ["a", "a"]
        assert read(store, "b", "ab") == ["ab", "b"]

    def test_small_pages_join_without_gap_or_repeat(self, store: Store) -> None:
        journal(store, *"abcdefg")

        assert read(store, limit=2) == list("abcdefg")
        assert read(store, *"aceg", limit=2) == list("aceg")

    def test_a_long_stretch_of_other_kinds_is_passed(self, store: Store) -> None:
        for _ in range(9):
            journal(store, *["other"] * 500)
        journal(store, "wanted")

        assert read(store, "wanted") == ["wanted"]

    def test_tenants_read_their_own_events(self, store: Store) -> None:
        journal(store, "a")
        journal(store, "b", tenant="other")
        journal(store, "c")

        assert (read(store), read(store, tenant="other")) == (["a", "c"], ["b"])

    def test_what_comes_later_is_read_from_the_last_place(self, store: Store) -> None:
        journal(store, "a", "b")
        last = store.bots.last_sequence("shop")
        journal(store, "c")

        assert read(store, after=last) == ["c"]

    def test_a_place_is_kept_and_never_goes_back(self, store: Store) -> None:
        assert store.bots.positions("shop") == {}
        store.bots.advance("shop", "bot", 0)
        assert store.bots.positions("shop") == {"bot": 0}
        store.bots.advance("shop", "bot", 7)
        store.bots.advance("shop", "bot", 5)
        store.bots.advance("shop", "other", 2)

        assert store.bots.positions("shop") == {"bot": 7, "other": 2}
        assert store.bots.positions("elsewhere") == {}

    def test_a_forgotten_bot_has_no_place(self, store: Store) -> None:
        store.bots.advance("shop", "bot", 7)
        store.bots.forget("shop", "bot")

        assert store.bots.positions("shop") == {}
        with pytest.raises(NotFoundError, match="no bot bot"):
            store.bots.forget("shop", "bot")

    def test_a_place_outlives_the_process(self, store: Store, opener: Opener) -> None:
        journal(store, "a")
        store.bots.advance("shop", "bot", 1)
        store.close()
        again = opener()

        assert again.bots.positions("shop") == {"bot": 1}
        assert read(again) == ["a"]

    def test_what_is_no_message_is_no_record_even_with_a_key(self, store: Store) -> None:
        message = Event(conversation_id="c1", kind="message_received", time_ms=5, data=b"heard", key="1:m")
        reply = Event(conversation_id="c1", kind="message_sent", time_ms=6, data=b"said", key="reply:r")
        store.commit([Change(tenant="shop", events=[message, reply])])

        assert store.last_record("shop", "c1") == b"heard"
        assert store.assist.recent_records("shop", "c1", 9) == [b"heard"]
        assert store.assist.recent_records("shop", "", 9) == [b"heard"]
        assert store.records("shop", ["reply:r"]) == {"reply:r": b"said"}
