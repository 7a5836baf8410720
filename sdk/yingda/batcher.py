"""Concurrent calls joined into batches; the gateway, the engine and the client all put one in front of a wire."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class OverloadedError(Exception):
    """The batcher's queue is full; nothing of the item was kept, so it may be sent again later."""


@dataclass(slots=True)
class _Lane(Generic[T, R]):
    """What waits of one source, in the order it came, and the weight of what is wanted still."""

    entries: deque[_Entry[T, R]] = field(default_factory=deque)
    queued: int = 0


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    """An item and its caller; `counted` while its weight is part of the queue's."""

    item: T
    weight: int
    future: asyncio.Future[R]
    lane: _Lane[T, R]
    counted: bool = True


class Batcher(Generic[T, R]):
    """Join concurrent `submit` calls into one call of `run`, and wait only while `run` is busy.

    An idle batcher runs an item at once. What arrives while a batch runs forms the next one, up to `max_size`
    units of weight, so batches grow with the load and shrink without it. Sources take turns, an item each; of one
    source items keep their order. When the queue is full, only who has more than an equal share of it is refused.
    An item whose caller has gone never reaches `run`. Source: the request queue of text-embeddings-inference,
    without its timer; deficit round robin (Shreedhar and Varghese, 1995), with the item as its quantum.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_size: int,
        max_queue: int,
        weigh: Callable[[T], int] = lambda _: 1,
    ) -> None:
        self._run = run
        self._max_size = max_size
        self._max_queue = max_queue
        self._weigh = weigh
        self._lanes: dict[str, _Lane[T, R]] = {}  # of those who wait; whose turn it is stands first
        self._queued = 0  # weight of what waits and is wanted still
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T, source: str = "") -> R:
        """The result of `item`. Raises: OverloadedError at once when the queue is full; what `run` raises."""
        weight = self._weigh(item)
        lane: _Lane[T, R] = self._lanes.get(source) or _Lane()
        if self._queued + weight > self._max_queue:
            self._refuse_greed(source, lane.queued, weight)
        entry: _Entry[T, R] = _Entry(item, weight, asyncio.get_running_loop().create_future(), lane)
        lane.entries.append(entry)
        lane.queued += weight
        self._lanes[source] = lane
        self._queued += weight
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        try:
            return await entry.future
        finally:
            self._uncount(entry)

    async def drain(self) -> None:
        """Return once everything submitted so far has run."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        while batch := self._next_batch():
            await self._settle(batch)
        self._worker = None

    def _refuse_greed(self, source: str, queued: int, weight: int) -> None:
        """Of a full queue; whoever stays within an equal share is let in, so at most twice the limit ever waits."""
        sources = len(self._lanes) + (source not in self._lanes)
        if self._queued and (sources == 1 or queued + weight > self._max_queue // sources):
            raise OverloadedError(f"{self._queued} messages are waiting, the limit is {self._max_queue}")

    def _uncount(self, entry: _Entry[T, R]) -> None:
        if entry.counted:
            entry.counted = False
            entry.lane.queued -= entry.weight
            self._queued -= entry.weight

    def _next_batch(self) -> list[_Entry[T, R]]:
        """What is wanted still, an item of each source in turn, up to `max_size`; a single heavier item goes alone."""
        batch: list[_Entry[T, R]] = []
        size = 0
        while self._lanes:
            source, lane = next(iter(self._lanes.items()))
            if batch and size + lane.entries[0].weight > self._max_size:
                break
            entry = lane.entries.popleft()
            del self._lanes[source]
            if lane.entries:
                self._lanes[source] = lane
            self._uncount(entry)
            if not entry.future.done():
                batch.append(entry)
                size += entry.weight
        return batch

    async def _settle(self, batch: list[_Entry[T, R]]) -> None:
        try:
            results = await self._run([entry.item for entry in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} items went in, {len(results)} results came out")
        except Exception as error:  # every caller of the batch hears of it, none hangs
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(error)
            return
        for entry, result in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(result)
