from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing

import pytest

from engine.bots.feed import Feed, Feeds, Subscription
from engine.decision_thread import DecisionThread
from engine.domain import Change, Event
from engine.errors import ContentionError
from engine.stores.sqlite import SQLiteStore
from tests.fakes import make_conversation

SOON = 10.0  # seconds


def journal(store: SQLiteStore, *kinds: str) -> None:
    """An event of each kind, and a changed conversation, which rings the bell."""
    events = [Event(conversation_id="c1", kind=kind, time_ms=5, data=b"") for kind in kinds]
    conversation = make_conversation(f"c{store.bots.last_sequence('shop')}")
    assert store.commit([Change(tenant="shop", conversations=[conversation], events=events)]) == [True]


class Bench:
    """Feeds over a store, and the thread that reads it."""

    def __init__(self, store: SQLiteStore, thread: DecisionThread) -> None:
        self.store = store
        self.feeds = Feeds(store=store.bots, thread=thread)
        store.subscribe(self.feeds.publish)

    @asynccontextmanager
    async def feeding(self, *kinds: str, window: int = 9) -> AsyncIterator[Feed]:
        subscription = Subscription(tenant="shop", bot_id="bot", kinds=kinds, window=window, from_start=True)
        async with self.feeds.feeding(subscription) as feed:
            yield feed


@pytest.fixture
async def bench(embedded: SQLiteStore) -> AsyncIterator[Bench]:
    with closing(DecisionThread()) as thread:
        yield Bench(embedded, thread)


async def take(feed: Feed, count: int) -> list[str]:
    """The kinds of the next events; what was under way stays so."""
    found: list[str] = []
    async with asyncio.timeout(SOON), aclosing(feed.pages()) as pages:
        async for page in pages:
            found += [one.event.kind for one in page]
            if len(found) >= count:
                break
    return found


async def finished(feed: Feed) -> Sequence[object]:
    """All pages of a feed that was told to finish."""
    async with asyncio.timeout(SOON):
        return [page async for page in feed.pages()]


async def test_what_nobody_asked_for_needs_no_acknowledgement(bench: Bench) -> None:
    journal(bench.store, *["other"] * 20)
    async with bench.feeding("wanted") as feed:
        reading = asyncio.create_task(take(feed, 1))
        await asyncio.sleep(0)
        journal(bench.store, "wanted")
        assert await reading == ["wanted"]

    assert bench.store.bots.positions("shop") == {"bot": 20}


async def test_a_commit_is_fed_at_once(bench: Bench) -> None:
    async with bench.feeding() as feed:
        reading = asyncio.create_task(take(feed, 1))
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        journal(bench.store, "news")

        assert await reading == ["news"]
        assert asyncio.get_running_loop().time() - began < 0.9  # by the bell, not by looking


async def test_an_acknowledgement_makes_room_and_is_kept(bench: Bench) -> None:
    journal(bench.store, *"abcde")
    async with bench.feeding(window=2) as feed:
        assert await take(feed, 2) == ["a", "b"]
        feed.acknowledge(1)
        assert await take(feed, 1) == ["c"]
        feed.finish()
        await finished(feed)

    assert bench.store.bots.positions("shop") == {"bot": 1}


async def test_an_acknowledgement_of_what_was_never_fed_is_none(bench: Bench) -> None:
    journal(bench.store, *"abc")
    async with bench.feeding(window=2) as feed:
        await take(feed, 2)
        feed.acknowledge(999)
        feed.finish()
        await finished(feed)

    assert bench.store.bots.positions("shop") == {"bot": 2}


async def test_a_second_feed_of_a_bot_ends_the_first_and_leaves_the_list_right(bench: Bench) -> None:
    async with bench.feeding() as first:
        async with bench.feeding():
            with pytest.raises(ContentionError, match="took over"):
                await finished(first)
            assert bench.feeds.connected("shop") == {"bot"}
        assert bench.feeds.connected("shop") == frozenset()


async def test_a_bot_that_remembers_more_than_the_journal_has_begins_where_it_is_known(bench: Bench) -> None:
    journal(bench.store, *"ab")
    asked = Subscription(tenant="shop", bot_id="bot", window=9, from_start=True, resume_after=99)
    async with bench.feeds.feeding(asked) as feed:
        assert await take(feed, 2) == ["a", "b"]


async def test_bells_ring_once_for_commits_that_come_together(bench: Bench) -> None:
    rings: asyncio.Queue[None] = asyncio.Queue()
    async with bench.feeding() as feed:
        feed.ring = lambda: rings.put_nowait(None)  # type: ignore[method-assign]
        for _ in range(100):
            bench.feeds.publish("shop", [])
        async with asyncio.timeout(SOON):
            await rings.get()  # at once
            await rings.get()  # for all that came afterwards

    assert rings.empty()
