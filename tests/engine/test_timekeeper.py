from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing

import pytest

from engine.clock import SystemClock
from engine.decision_thread import DecisionThread
from engine.domain import ConversationState, Presence
from engine.errors import StorageError
from engine.routing.policy import Policy
from engine.stores.sqlite import SQLiteStore
from engine.timekeeper import Timekeeper
from tests.fakes import TENANT, Desk, ask, get, hire, make_agent, make_desk

PATIENCE = 10.0  # seconds
OFFERED = ConversationState.OFFERED
ASKS = Policy(auto_accept=False, offer_seconds=0.05)


class FailingStore:
    """Passes everything on, but what is due is not known at first."""

    def __init__(self, inner: SQLiteStore) -> None:
        self._inner = inner
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def next_due_ms(self) -> int | None:
        """See `ports.Store`."""
        if self.failures < 1:
            self.failures += 1
            raise StorageError("gone for a while")
        return self._inner.next_due_ms()


@pytest.fixture
def thread() -> Iterator[DecisionThread]:
    with closing(DecisionThread()) as opened:
        yield opened


@asynccontextmanager
async def keeping(timekeeper: Timekeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(timekeeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(thread: DecisionThread, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await thread.run(is_so):  # noqa: ASYNC110  # another thread makes it so
            await asyncio.sleep(0.005)


def made(store: SQLiteStore) -> Desk:
    """With the present time, and two agents who are asked."""
    desk = make_desk(store, policy=ASKS)
    desk.clock.advance(SystemClock().now_ms() - desk.clock.now_ms())
    hire(desk, make_agent("ann"), make_agent("bob"))
    return desk


def timekeeper(desk: Desk, thread: DecisionThread, store: object) -> Timekeeper:
    return Timekeeper(
        store=store,  # type: ignore[arg-type]
        lifecycle=desk.lifecycle,
        clock=SystemClock(),
        thread=thread,
    )


async def test_an_offer_that_nobody_takes_is_made_to_another_when_it_ends(
    embedded: SQLiteStore, thread: DecisionThread
) -> None:
    desk = made(embedded)
    first = ask(desk).assignment
    name = first.reservation_id.rpartition("~")[0]
    desk.clock.advance(100)
    async with keeping(timekeeper(desk, thread, embedded)):
        await until(thread, lambda: get(desk, name).agent_id not in ("", first.agent_id))

    assert get(desk, name).declined == (first.agent_id,)


async def test_who_does_not_renew_goes_offline_when_the_lease_ends(
    embedded: SQLiteStore, thread: DecisionThread
) -> None:
    desk = made(embedded)
    desk.team.set_presence(TENANT, "ann", Presence.ONLINE, 50)
    async with keeping(timekeeper(desk, thread, embedded)):
        await until(thread, lambda: embedded.roster(TENANT).presences[0] is Presence.OFFLINE)

    assert embedded.roster(TENANT).presences == [Presence.OFFLINE, Presence.ONLINE]


async def test_it_goes_on_when_the_store_fails_for_a_while(
    embedded: SQLiteStore, thread: DecisionThread
) -> None:
    desk, failing = made(embedded), FailingStore(embedded)
    first = ask(desk).assignment
    name = first.reservation_id.rpartition("~")[0]
    async with keeping(timekeeper(desk, thread, failing)):
        await until(thread, lambda: failing.failures == 1)
        desk.clock.advance(100)
        await until(thread, lambda: get(desk, name).agent_id not in ("", first.agent_id))

    assert failing.failures == 1
