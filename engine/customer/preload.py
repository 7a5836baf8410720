"""Fetches what is known of customers before an agent looks, so that nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from engine.customer.breaker import Breaker
from engine.customer.fetch import Fetch
from engine.customer.profile import Customer, Key, Part, joined
from engine.customer.shelf import Entry, Shelf
from engine.customer.source import CustomerSource, SourceError
from engine.customer.tally import Tally
from engine.ports import Clock

MOST_FETCHING = 1000  # customers of all tenants; more are not fetched ahead
RETRY_MS = 5000  # milliseconds before a source that failed is asked for the same customer again
# Seconds for which customers are gathered, to be fetched together: the answers go out before, and what wakes a thread
# or the loop, which is most of what a fetch costs, is paid for once.
LATER = 0.1
AT_ONCE = 8  # customers that are begun before the loop does anything else; each takes some 0.1 ms
Tell = Callable[[asyncio.AbstractEventLoop, Callable[[], object]], None]  # lets the loop call it soon
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of one tenant: how long data is fresh, how long it may be shown while it is fetched again, how long a source may
    take, and how many of its calls run at once.
    """  # noqa: D205

    ttl_ms: int = 300_000
    stale_ms: int = 3_600_000
    timeout_ms: int = 5000
    concurrency: int = 16


class Desk:
    """A tenant's sources, each with its breaker and its places."""

    def __init__(self, *, sources: Sequence[CustomerSource], terms: Terms, clock: Clock) -> None:
        self.sources = sources
        self.names = [one.name for one in sources]
        self.terms = terms
        self.tally = Tally()
        self.breakers = {one.name: Breaker(clock) for one in sources}
        self.places = {one.name: asyncio.Semaphore(terms.concurrency) for one in sources}


def tell_now(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Wake the loop for it."""
    loop.call_soon_threadsafe(callback)


class Preload:
    """Made on the event loop, where all is fetched; `of` and `facts_for` may be called on any thread."""

    def __init__(
        self,
        *,
        desks: Mapping[str, Desk],
        others: Desk | None,
        clock: Clock,
        tell: Tell = tell_now,
        later: float = LATER,
    ) -> None:
        self._desks = desks
        self._others = others
        self._clock = clock
        self._shelf = Shelf()
        self._loop = asyncio.get_running_loop()
        self._fetching: dict[Key, Fetch] = {}
        self._tasks: set[asyncio.Task[Part | None]] = set()
        self._viewers: dict[Key, list[int]] = {}  # when agents came to see those that are to be fetched
        self._tell = tell
        self._later = later
        self._wanted: deque[Key] = deque()  # from any thread
        self._is_called = False  # whether the loop will begin them
        self._listeners: list[Callable[[Customer], None]] = []

    def is_on(self, tenant: str) -> bool:
        """Whether the tenant has sources."""
        return self._desk(tenant) is not None

    def subscribe(self, listener: Callable[[Customer], None]) -> None:
        """Call this, on the event loop, whenever more is known of a customer."""
        self._listeners.append(listener)

    def of(self, tenant: str, channel: int, customer_id: str) -> Mapping[str, str]:
        """What may stand in a reply to whatever text."""
        return self.facts_for(tenant, channel, customer_id, "")

    def facts_for(self, tenant: str, channel: int, customer_id: str, text: str) -> Mapping[str, str]:
        """What may stand in a reply to this text, empty where nothing is known yet; never waits, but sees to it."""
        if not customer_id or self._desk(tenant) is None:
            return _NOTHING
        key = Key(tenant=tenant, channel=channel, customer_id=customer_id)
        entry = self._shelf.get(key)
        now_ms = self._clock.now_ms()
        if entry is None or entry.fresh_until_ms <= now_ms:
            self._want(key)
        return entry.customer.facts_for(text) if entry and entry.stale_until_ms > now_ms else _NOTHING

    def show(self, key: Key) -> Customer | None:
        """What is known now, for an agent who comes to see it; None for nothing. What is not known is fetched."""
        desk = self._desk(key.tenant)
        if desk is None or not key.customer_id:
            return None
        entry, now_ms = self._shelf.get(key), self._clock.now_ms()
        if entry is None or entry.fresh_until_ms <= now_ms:
            self._want(key)
        known = entry if entry and entry.stale_until_ms > now_ms else None
        if known and known.fresh_until_ms:  # all of it was there once
            desk.tally.saw(known.took_ms, 0, is_whole=not known.customer.failed)
        else:
            self._viewers.setdefault(key, []).append(now_ms)
        return known.customer if known else None

    def known(self, key: Key) -> Customer | None:
        """What is known now; nothing is fetched or counted."""
        entry = self._shelf.get(key)
        return entry.customer if entry else None

    async def get(self, key: Key) -> Customer:
        """All that the sources say, waited for where it is not known or not fresh."""
        self._begin(key)
        if fetch := self._fetching.get(key):
            return await asyncio.shield(fetch.done)
        return self.known(key) or Customer(key=key)

    def tally(self, tenant: str) -> Tally:
        """What preloading was good for."""
        desk = self._desk(tenant)
        return desk.tally if desk else Tally()

    def forget(self, key: Key) -> None:
        """Know nothing of the customer any more, until somebody asks; on any thread."""
        self._shelf.drop(key)
        self._loop.call_soon_threadsafe(self._abandon, key)

    async def close(self) -> None:
        """Stop fetching and give up the sources."""
        self._wanted.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for fetch in self._fetching.values():
            fetch.done.cancel()
        desks = [*self._desks.values(), *([self._others] if self._others else [])]
        for source in {id(one): one for desk in desks for one in desk.sources}.values():
            await source.close()

    def _desk(self, tenant: str) -> Desk | None:
        return self._desks.get(tenant, self._others)

    def _want(self, key: Key) -> None:
        """Let it be fetched a moment later, with all that are wanted by then; the loop is woken once for them."""
        if key in self._fetching:
            return
        self._wanted.append(key)
        if not self._is_called:
            self._is_called = True
            self._tell(self._loop, partial(self._loop.call_later, self._later, self._begin_wanted))

    def _begin_wanted(self) -> None:
        """Some of them; answers that are ready go out before the next ones."""
        self._is_called = False  # before they are taken, so that none is left behind
        for _ in range(min(len(self._wanted), AT_ONCE)):
            self._begin(self._wanted.popleft())
        if self._wanted and not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._begin_wanted)

    def _abandon(self, key: Key) -> None:
        """What a source says now of somebody who was forgotten is not taken; on the event loop."""
        if fetch := self._fetching.get(key):
            fetch.is_abandoned = True
        self._shelf.drop(key)

    def _begin(self, key: Key) -> None:
        """Ask the sources side by side for what is not fresh, unless that is under way; on the event loop."""
        desk, now_ms = self._desk(key.tenant), self._clock.now_ms()
        if desk is None or key in self._fetching:
            return
        known = self._shelf.get(key)
        entry = known.copy() if known else Entry(customer=Customer(key=key))
        due = [one for one in desk.sources if entry.until_ms.get(one.name, 0) <= now_ms]
        if due and len(self._fetching) >= MOST_FETCHING:
            desk.tally.dropped += 1
            due = []
        if not due:
            self._viewers.pop(key, None)
            return
        self._fetching[key] = fetch = Fetch(entry, [one.name for one in due], now_ms)
        for source in due:
            if desk.breakers[source.name].is_resting:
                desk.tally.source(source.name).refused += 1
                self._take(desk, fetch, source.name, None)
            else:
                task = self._loop.create_task(self._ask(desk, source, key))
                self._tasks.add(task)
                task.add_done_callback(partial(self._heard, desk, fetch, source.name))

    def _heard(self, desk: Desk, fetch: Fetch, name: str, task: asyncio.Task[Part | None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if error := task.exception():
            structlog.get_logger().error("preload_failed", source=name, error=type(error).__name__)
        self._take(desk, fetch, name, None if error else task.result())

    def _take(self, desk: Desk, fetch: Fetch, name: str, part: Part | None) -> None:
        """Show what a source says, None for nothing, as soon as it does."""
        now_ms, breaker, entry = self._clock.now_ms(), desk.breakers[name], fetch.entry
        if part is not None:
            until_ms = now_ms + desk.terms.ttl_ms
        else:
            until_ms = breaker.resumes_ms if breaker.is_resting else now_ms + RETRY_MS
        fetch.take(name, part, until_ms)
        ordered = [entry.parts[one] for one in desk.names if one in entry.parts]
        entry.customer = joined(entry.customer.key, ordered, now_ms, fetch.waiting, fetch.failed)
        entry.stale_until_ms = now_ms + desk.terms.ttl_ms + desk.terms.stale_ms
        if not fetch.waiting:
            self._end(desk, fetch, now_ms)
        if fetch.is_abandoned:
            return
        self._shelf.put(entry)
        for listener in self._listeners:
            listener(entry.customer)

    def _end(self, desk: Desk, fetch: Fetch, now_ms: int) -> None:
        customer = fetch.entry.customer
        fetch.end(now_ms)
        del self._fetching[customer.key]
        for came_ms in self._viewers.pop(customer.key, ()):
            desk.tally.saw(fetch.entry.took_ms, max(now_ms - came_ms, 0), is_whole=not customer.failed)

    async def _ask(self, desk: Desk, source: CustomerSource, key: Key) -> Part | None:
        """What the source says; None where it fails, takes too long or is left alone."""
        counted, breaker = desk.tally.source(source.name), desk.breakers[source.name]
        async with desk.places[source.name]:
            if not breaker.allows():
                counted.refused += 1
                return None
            begun_ms = self._clock.now_ms()
            try:
                async with asyncio.timeout(desk.terms.timeout_ms / 1000):
                    part = await source.fetch(key)
            except TimeoutError:
                counted.timed_out += 1
            except SourceError as error:
                counted.failed += 1
                structlog.get_logger().warning("source_failed", source=source.name, problem=str(error))
            else:
                counted.answered += 1
                counted.took_ms += self._clock.now_ms() - begun_ms
                breaker.succeeded()
                return part
            breaker.failed()
            return None
