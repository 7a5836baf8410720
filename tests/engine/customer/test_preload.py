from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from engine.customer.breaker import FAILURES, PAUSE_MS
from engine.customer.history_source import TOGETHER, HistorySource
from engine.customer.preload import AT_ONCE, RETRY_MS, Desk, Preload, Terms
from engine.customer.profile import Customer, Key, Order, Part
from engine.customer.source import SourceError
from engine.decision_thread import DecisionThread
from engine.domain import Conversation
from engine.errors import StorageError
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, FakeClock, ask, make_desk

KEY = Key(tenant="shop", channel=1, customer_id="cu1")
TERMS = Terms(ttl_ms=1000, stale_ms=10_000, timeout_ms=200, concurrency=2)


class GatedSource:
    """Answers when its gate is open; `calls` are the customers it was asked for."""

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self.part = part
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[str] = []
        self.fails = False
        self.at_once = self.most_at_once = 0

    async def fetch(self, key: Key) -> Part:
        self.calls.append(key.customer_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        if self.fails:
            raise SourceError("broken")
        return self.part

    async def close(self) -> None: ...


def orders(*numbers: str) -> Part:
    return Part(orders=tuple(Order(order_id=one, facts={"order_id": one}) for one in numbers))


@asynccontextmanager
async def preloading(
    *sources: GatedSource, clock: FakeClock, terms: Terms = TERMS
) -> AsyncIterator[tuple[Preload, list[Customer]]]:
    """The preload, and what it told listeners."""
    preload = Preload(
        desks={"shop": Desk(sources=sources, terms=terms, clock=clock)}, others=None, clock=clock, later=0.0
    )
    told: list[Customer] = []
    preload.subscribe(told.append)
    yield preload, told
    await preload.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def settle() -> None:
    """Let everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_known_at_first_and_soon_all_is(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        assert preload.of("shop", 1, "cu1") == {}
        await settle()

        assert preload.of("shop", 1, "cu1") == {"order_id": "A1"}
        assert source.calls == ["cu1"]


async def test_a_tenant_without_sources_and_a_customer_without_an_id_cost_nothing(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        assert (preload.of("other", 1, "cu1"), preload.of("shop", 1, "")) == ({}, {})
        await settle()

    assert source.calls == []


async def test_one_fetch_of_a_customer_is_under_way_at_a_time(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.gate.clear()
    async with preloading(source, clock=clock) as (preload, _):
        for _ in range(10):
            preload.of("shop", 1, "cu1")
            await settle()
        waiting = [asyncio.create_task(preload.get(KEY)) for _ in range(3)]
        await settle()
        source.gate.set()
        found = await asyncio.gather(*waiting)

    assert source.calls == ["cu1"]
    assert {one.orders[0].order_id for one in found} == {"A1"}


async def test_sources_are_asked_side_by_side_and_each_is_shown_when_it_comes(clock: FakeClock) -> None:
    fast, slow = GatedSource("crm", Part(facts={"customer_name": "Ann"})), GatedSource("shop", orders("A1"))
    slow.gate.clear()
    async with preloading(fast, slow, clock=clock) as (preload, told):
        preload.of("shop", 1, "cu1")
        await settle()
        assert [(one.facts, one.orders, one.waiting) for one in told] == [
            ({"customer_name": "Ann"}, (), ("shop",))
        ]
        slow.gate.set()
        await settle()

        assert (told[-1].orders[0].order_id, told[-1].waiting) == ("A1", ())
        assert preload.of("shop", 1, "cu1") == {"customer_name": "Ann", "order_id": "A1"}


async def test_what_is_stale_is_shown_while_it_is_fetched_again(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        clock.advance(TERMS.ttl_ms)
        source.part = orders("A2")
        source.gate.clear()
        assert preload.of("shop", 1, "cu1") == {"order_id": "A1"}
        await settle()
        assert preload.of("shop", 1, "cu1") == {"order_id": "A1"}
        source.gate.set()
        await settle()

        assert preload.of("shop", 1, "cu1") == {"order_id": "A2"}
        assert len(source.calls) == 2


async def test_what_is_too_old_is_not_shown(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        source.gate.clear()
        clock.advance(TERMS.ttl_ms + TERMS.stale_ms)

        assert preload.of("shop", 1, "cu1") == {}


async def test_a_forgotten_customer_is_fetched_anew(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        preload.forget(KEY)
        assert preload.of("shop", 1, "cu1") == {}
        await settle()

    assert len(source.calls) == 2


async def test_what_is_fresh_is_not_fetched_again(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        clock.advance(TERMS.ttl_ms - 1)
        await preload.get(KEY)

    assert source.calls == ["cu1"]


async def test_a_source_that_takes_too_long_is_given_up_and_named(clock: FakeClock) -> None:
    dead, alive = GatedSource("crm", Part()), GatedSource("shop", orders("A1"))
    dead.gate.clear()
    async with preloading(dead, alive, clock=clock) as (preload, _):
        found = await preload.get(KEY)

        assert (found.failed, found.orders[0].order_id) == (("crm",), "A1")
        assert preload.tally("shop").source("crm").timed_out == 1


async def test_a_source_that_failed_is_asked_again_soon_but_not_at_once(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.fails = True
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        await preload.get(KEY)
        assert len(source.calls) == 1
        source.fails = False
        clock.advance(RETRY_MS)
        found = await preload.get(KEY)

        assert (found.failed, found.orders[0].order_id) == ((), "A1")


async def test_a_failure_leaves_what_was_known(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        source.fails = True
        clock.advance(TERMS.ttl_ms)
        found = await preload.get(KEY)

        assert (found.failed, found.orders[0].order_id) == (("shop",), "A1")


async def test_a_source_that_fails_again_and_again_is_left_alone_for_a_while(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.fails = True
    async with preloading(source, clock=clock) as (preload, _):
        for number in range(FAILURES + 3):
            await preload.get(Key(tenant="shop", channel=1, customer_id=f"cu{number}"))
        assert len(source.calls) == FAILURES
        assert preload.tally("shop").source("shop").refused == 3

        clock.advance(PAUSE_MS)
        source.fails = False
        for number in range(10, 13):
            await preload.get(Key(tenant="shop", channel=1, customer_id=f"cu{number}"))
        assert len(source.calls) == FAILURES + 3


async def test_a_source_that_answered_is_not_asked_again_because_another_failed(clock: FakeClock) -> None:
    fails, answers = GatedSource("crm", Part()), GatedSource("shop", orders("A1"))
    fails.fails = True
    async with preloading(fails, answers, clock=clock, terms=Terms()) as (preload, _):
        for _ in range(3):
            found = await preload.get(KEY)
            clock.advance(RETRY_MS)

        assert (len(fails.calls), len(answers.calls)) == (3, 1)
        assert (found.failed, found.orders[0].order_id) == (("crm",), "A1")


async def test_while_a_source_is_left_alone_its_customers_cost_no_task(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.fails = True
    async with preloading(source, clock=clock) as (preload, _):
        for number in range(FAILURES):
            await preload.get(Key(tenant="shop", channel=1, customer_id=f"cu{number}"))
        before = len(asyncio.all_tasks())
        for number in range(50, 50 + AT_ONCE):
            preload.facts_for("shop", 1, f"cu{number}", "")
        preload._begin_wanted()
        clock.advance(RETRY_MS)  # when one that failed by itself would be asked again
        preload.facts_for("shop", 1, "cu50", "")

        assert (len(asyncio.all_tasks()), len(preload._wanted)) == (before, 0)
        assert preload.known(Key(tenant="shop", channel=1, customer_id="cu50")) is not None


async def test_what_no_source_foresaw_is_a_failure_of_it_alone(clock: FakeClock) -> None:
    broken_one, answers = GatedSource("crm", Part()), GatedSource("shop", orders("A1"))
    broken_one.gate = None  # type: ignore[assignment]
    async with preloading(broken_one, answers, clock=clock) as (preload, _):
        found = await preload.get(KEY)

        assert (found.failed, found.orders[0].order_id) == (("crm",), "A1")


async def test_no_more_calls_of_a_source_run_at_once_than_it_bears(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.gate.clear()
    async with preloading(source, clock=clock) as (preload, _):
        for number in range(9):
            preload.of("shop", 1, f"cu{number}")
        await settle()
        source.gate.set()
        await settle()

        assert (source.most_at_once, len(source.calls)) == (TERMS.concurrency, 9)


async def test_an_agent_who_finds_all_there_waited_for_nothing(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.gate.clear()
    async with preloading(source, clock=clock, terms=Terms()) as (preload, _):
        preload.of("shop", 1, "cu1")
        await settle()
        clock.advance(3000)
        source.gate.set()
        await settle()
        preload.show(KEY)
        tally = preload.tally("shop")

        assert (tally.shown, tally.ready, tally.saved_ms, tally.waited_ms) == (1, 1, 3000, 0)


async def test_an_agent_who_comes_early_waits_for_the_rest(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.gate.clear()
    async with preloading(source, clock=clock, terms=Terms()) as (preload, _):
        preload.of("shop", 1, "cu1")
        await settle()
        clock.advance(1000)
        assert preload.show(KEY) is None
        clock.advance(2000)
        source.gate.set()
        await settle()
        tally = preload.tally("shop")

        assert (tally.shown, tally.ready, tally.saved_ms, tally.waited_ms) == (1, 0, 1000, 2000)


async def test_where_a_source_failed_nothing_was_gained(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.fails = True
    async with preloading(source, clock=clock) as (preload, _):
        await preload.get(KEY)
        preload.show(KEY)
        tally = preload.tally("shop")

        assert (tally.shown, tally.ready, tally.saved_ms) == (1, 0, 0)


ORDERS = orders("A1", "A2").orders


@pytest.mark.parametrize(("text", "order"), [("where is A2?", "A2"), ("where is it?", ""), ("A1 or A2?", "")])
def test_of_several_orders_the_one_that_is_named_is_meant(text: str, order: str) -> None:
    customer = Customer(key=KEY, facts={"customer_name": "Ann"}, orders=ORDERS)

    assert customer.facts_for(text).get("order_id", "") == order
    assert customer.facts_for(text)["customer_name"] == "Ann"


async def test_what_comes_of_somebody_who_was_forgotten_meanwhile_is_not_kept(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    source.gate.clear()
    async with preloading(source, clock=clock) as (preload, told):
        preload.of("shop", 1, "cu1")
        await settle()
        preload.forget(KEY)
        await settle()
        source.gate.set()
        await settle()

        assert preload.known(KEY) is None
        assert told == []


async def test_many_customers_of_a_batch_wake_the_loop_once(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        loop, wakes = asyncio.get_running_loop(), 0
        wake = loop.call_soon_threadsafe

        def counted(*args: Any) -> asyncio.Handle:  # noqa: ANN401
            nonlocal wakes
            wakes += 1
            return wake(*args)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        for number in range(100):
            for _ in range(3):  # as often as rules, replies and answers ask
                preload.facts_for("shop", 1, f"cu{number}", "")
        at_once = list(source.calls)
        for _ in range(100 // AT_ONCE):
            await settle()

    assert wakes == 1
    assert at_once == []
    assert sorted(source.calls) == sorted(f"cu{number}" for number in range(100))


async def test_of_many_customers_some_are_begun_before_the_loop_does_anything_else(clock: FakeClock) -> None:
    source = GatedSource("shop", orders("A1"))
    async with preloading(source, clock=clock) as (preload, _):
        for number in range(3 * AT_ONCE):
            preload.facts_for("shop", 1, f"cu{number}", "")
        preload._begin_wanted()
        await asyncio.sleep(0)
        first = len(source.calls)
        await settle()

        assert (first, len(source.calls)) == (AT_ONCE, 3 * AT_ONCE)


async def test_earlier_conversations_of_many_customers_are_read_together(embedded: SQLiteStore) -> None:
    with closing(DecisionThread()) as thread:
        jobs = 0
        run = thread.run_beside

        async def counted(*args: Any) -> Any:  # noqa: ANN401
            nonlocal jobs
            jobs += 1
            return await run(*args)

        thread.run_beside = counted  # type: ignore[method-assign,assignment]
        source = HistorySource(store=embedded, thread=thread)
        desk = make_desk(embedded)
        found = ask(desk, "hello", customer_id="cu7").conversation_id
        keys = [Key(tenant=TENANT, channel=1, customer_id=f"cu{number}") for number in range(100)]
        parts = await asyncio.gather(*map(source.fetch, keys))

    assert jobs == -(-len(keys) // TOGETHER)
    assert [len(one.contacts) for one in parts] == [int(number == 7) for number in range(100)]
    assert parts[7].contacts[0].conversation_id == found


async def test_a_store_that_fails_is_a_source_that_does_and_is_asked_again(embedded: SQLiteStore) -> None:
    with closing(DecisionThread()) as thread:
        source = HistorySource(store=embedded, thread=thread)
        embedded.of_customer = broken  # type: ignore[method-assign,assignment]
        failed = await asyncio.gather(source.fetch(KEY), source.fetch(KEY), return_exceptions=True)
        del embedded.of_customer
        part = await source.fetch(KEY)

    assert [type(one) for one in failed] == [SourceError, SourceError]
    assert part == Part()


def broken(*_: object) -> list[Conversation]:
    raise StorageError("the disk is full")
