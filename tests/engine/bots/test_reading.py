from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import pytest

from engine.bots.reading import Reading
from engine.bots.store import Page
from engine.decision_thread import DecisionThread
from engine.domain import Change, Event
from engine.stores.sqlite import SQLiteStore
from engine.stores.sqlite_bots import SQLiteBotStore

SOON = 10.0  # seconds


def journal(store: SQLiteStore, kind: str) -> None:
    events = [Event(conversation_id="c1", kind=kind, time_ms=5, data=b"")]
    assert store.commit([Change(tenant="shop", events=events)]) == [True]


class Counting(SQLiteBotStore):
    """Says what it was asked for."""

    def __init__(self, store: SQLiteStore) -> None:
        self.__dict__ = store.bots.__dict__
        self.asked: list[tuple[str, int, Sequence[str], int]] = []

    def journal(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        self.asked.append((tenant, after, kinds, limit))
        return super().journal(tenant, after, kinds, limit)


class Bench:
    """A thread that can be kept busy, and what reads on it."""

    def __init__(self, store: SQLiteStore, thread: DecisionThread) -> None:
        self.store = store
        self.counting = Counting(store)
        self.reading = Reading(store=self.counting, thread=thread)
        self._thread = thread

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Nothing is read before the block ends."""
        done = threading.Event()
        work = asyncio.create_task(self._thread.run(done.wait, SOON))
        await asyncio.sleep(0)
        try:
            yield
        finally:
            done.set()
            await work


@pytest.fixture
async def bench(embedded: SQLiteStore) -> AsyncIterator[Bench]:
    with closing(DecisionThread()) as thread:
        yield Bench(embedded, thread)


def ask(bench: Bench, *kinds: str, after: int = 0) -> asyncio.Task[Page]:
    return asyncio.create_task(bench.reading.page("shop", after, kinds, 9))


async def test_who_asks_for_the_same_before_it_is_read_shares_it(bench: Bench) -> None:
    journal(bench.store, "a")
    async with bench.busy():
        tasks = [ask(bench) for _ in range(5)]
        await asyncio.sleep(0)

    pages = await asyncio.gather(*tasks)
    assert [one.event.kind for one in pages[0].events] == ["a"]
    assert all(page is pages[0] for page in pages)
    assert len(bench.counting.asked) == 1


async def test_who_asks_for_something_else_reads_alone(bench: Bench) -> None:
    journal(bench.store, "a")
    journal(bench.store, "b")
    async with bench.busy():
        tasks = [ask(bench), ask(bench, "b"), ask(bench, after=1)]
        await asyncio.sleep(0)

    found = [[one.event.kind for one in page.events] for page in await asyncio.gather(*tasks)]
    assert found == [["a", "b"], ["b"], ["b"]]
    assert len(bench.counting.asked) == 3


async def test_who_asks_after_a_commit_never_gets_what_was_read_before_it(bench: Bench) -> None:
    journal(bench.store, "a")
    early = await ask(bench)
    journal(bench.store, "b")
    late = await ask(bench)

    assert [len(page.events) for page in (early, late)] == [1, 2]


async def test_one_who_leaves_takes_nothing_from_the_others(bench: Bench) -> None:
    journal(bench.store, "a")
    async with bench.busy():
        leaving, staying = ask(bench), ask(bench)
        await asyncio.sleep(0)
        leaving.cancel()

    assert len((await staying).events) == 1
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_what_a_closed_thread_never_came_to_is_not_kept(embedded: SQLiteStore) -> None:
    thread = DecisionThread()
    bench = Bench(embedded, thread)
    thread.close()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="closed"):
            await ask(bench)

    assert bench.reading._waiting == {}
