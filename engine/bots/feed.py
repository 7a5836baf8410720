"""Feeds bots the journal: in order, each event at least once, never more than a window of it at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.bots.reading import Reading
from engine.bots.store import BotStore
from engine.decision_thread import DecisionThread
from engine.domain import Conversation, StoredEvent
from engine.errors import ContentionError, StorageError

DEFAULT_WINDOW = 256  # events
PAGE = 128  # events read at a time, so that messages get their turn on the decision thread in between
LOOK = 1.0  # seconds until a feed looks by itself: another engine's events may ring no bell
GATHER = 0.02  # seconds, at most, that a commit waits for others to be read with, on the decision thread
KEEP = 0.1  # seconds for which acknowledgements are gathered before they are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a bot asks for. `resume_after` is what it remembers of its place, 0 for nothing."""

    tenant: str
    bot_id: str
    kinds: Sequence[str] = ()
    window: int = DEFAULT_WINDOW
    from_start: bool = False
    resume_after: int = 0


class Feed:
    """One bot's way along the journal. Used on one event loop."""

    def __init__(
        self, *, subscription: Subscription, store: BotStore, reading: Reading, thread: DecisionThread
    ) -> None:
        self.subscription = subscription
        self._store = store
        self._reading = reading
        self._thread = thread
        self._bell = asyncio.Event()
        self._under_way: deque[int] = deque()  # sequences sent and not acknowledged
        self._read = 0  # looked through up to here
        self._done = 0  # acknowledged up to here
        self._kept = 0  # acknowledged in the store up to here
        self._finished = False
        self._ending: Exception | None = None

    async def begin(self) -> None:
        """Find the bot's place. Raises: StorageError."""
        self._read = self._done = self._kept = await self._thread.run(self._place)

    def acknowledge(self, sequence: int) -> None:
        """The bot is done with everything up to this one."""
        while self._under_way and self._under_way[0] <= sequence:
            self._done = self._under_way.popleft()
        self._bell.set()

    def ring(self) -> None:
        """There may be something new."""
        self._bell.set()

    def finish(self) -> None:
        """The bot wants no more: let `pages` end."""
        self._finished = True
        self._bell.set()

    def end(self, why: Exception) -> None:
        """Let `pages` raise this."""
        self._ending = why
        self._bell.set()

    async def pages(self) -> AsyncGenerator[Sequence[StoredEvent], None]:
        """Events as they come, until `finish`. Raises: what `end` was told, StorageError."""
        try:
            while self._ending is None and not self._finished:
                self._bell.clear()
                events, is_at_end = await self._next()
                if events:
                    yield events
                elif is_at_end:
                    await self._wait()
            if self._ending is not None:
                raise self._ending
        finally:
            await self._keep()

    async def _next(self) -> tuple[Sequence[StoredEvent], bool]:
        """The next events, and whether there is nothing to do until the bell rings."""
        room = min(self.subscription.window - len(self._under_way), PAGE)
        if not room:
            return (), True
        asked = self.subscription
        page = await self._reading.page(asked.tenant, self._read, asked.kinds, room)
        is_at_end = page.through == self._read
        self._read = page.through
        if not self._under_way:  # what nobody asked for needs no acknowledgement
            self._done = page.events[0].sequence - 1 if page.events else page.through
        self._under_way.extend(one.sequence for one in page.events)
        return page.events, is_at_end

    async def _wait(self) -> None:
        if self._done - self._kept > 0 and await self._is_quiet(KEEP):
            await self._keep()
        await self._is_quiet(LOOK)

    async def _is_quiet(self, seconds: float) -> bool:
        """Whether the bell did not ring for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return True
        return False

    async def _keep(self) -> None:
        done, asked = self._done, self.subscription
        if done > self._kept:
            await self._thread.run(self._store.advance, asked.tenant, asked.bot_id, done)
            self._kept = done

    def _place(self) -> int:
        asked = self.subscription
        known = self._store.positions(asked.tenant).get(asked.bot_id)
        last = self._store.last_sequence(asked.tenant)
        if known is None:
            known = 0 if asked.from_start else last
        # A sequence that the journal does not have yet was never given to a bot.
        place = max(known, asked.resume_after if asked.resume_after <= last else 0)
        self._store.advance(asked.tenant, asked.bot_id, place)
        return place


class Feeds:
    """The feeds that are open on this engine; made on the event loop that serves them."""

    def __init__(self, *, store: BotStore, thread: DecisionThread) -> None:
        self._store = store
        self._reading = Reading(store=store, thread=thread)
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._open: defaultdict[str, dict[str, Feed]] = defaultdict(dict)
        self._rung: dict[str, float] = {}  # when the tenant's bells rang last, or will

    def publish(self, tenant: str, _: Sequence[Conversation]) -> None:
        """From any thread: a commit changed something of the tenant."""
        if tenant in self._open:
            self._loop.call_soon_threadsafe(self._ring, tenant)

    def connected(self, tenant: str) -> frozenset[str]:
        """The bots of the tenant that are fed here."""
        return frozenset(self._open.get(tenant, ()))

    @asynccontextmanager
    async def feeding(self, subscription: Subscription) -> AsyncIterator[Feed]:
        """The bot's feed, at its place; it ends another one of the bot here. Raises: StorageError."""
        feed = Feed(subscription=subscription, store=self._store, reading=self._reading, thread=self._thread)
        of_tenant = self._open[subscription.tenant]
        if earlier := of_tenant.get(subscription.bot_id):
            earlier.end(ContentionError(f"another stream of bot {subscription.bot_id} took over"))
        of_tenant[subscription.bot_id] = feed
        try:
            await feed.begin()
            yield feed
        finally:
            self._leave(feed)

    def close(self) -> None:
        """End all of them: the engine stops, and bots shall come again to the next one."""
        for of_tenant in self._open.values():
            for feed in of_tenant.values():
                feed.end(StorageError("the engine stops; connect again"))

    def _ring(self, tenant: str) -> None:
        """At once where it is quiet; of a tenant with many commits, for several together."""
        now, rung = self._loop.time(), self._rung.get(tenant, 0.0)
        if rung <= now - GATHER:
            self._ring_all(tenant)
        elif rung <= now:
            self._rung[tenant] = rung + GATHER
            self._loop.call_at(rung + GATHER, self._ring_all, tenant)

    def _ring_all(self, tenant: str) -> None:
        self._rung[tenant] = self._loop.time()
        for feed in self._open.get(tenant, {}).values():
            feed.ring()

    def _leave(self, feed: Feed) -> None:
        asked = feed.subscription
        if self._open[asked.tenant].get(asked.bot_id) is feed:
            del self._open[asked.tenant][asked.bot_id]
        if not self._open[asked.tenant]:
            del self._open[asked.tenant]
            self._rung.pop(asked.tenant, None)
