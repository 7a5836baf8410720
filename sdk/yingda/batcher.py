"""Concurrent calls joined into batches; the gateway, the engine and the client all put one in front of a wire."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class OverloadedError(Exception):
    """The batcher's queue is full; nothing of the item was kept, so it may be sent again later."""


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    """An item and its caller; `counted` while its weight is part of the queue's."""

    item: T
    weight: int
    future: asyncio.Future[R]
    counted: bool = True


class Batcher(Generic[T, R]):
    """Join concurrent `submit` calls into one call of `run`, and wait only while `run` is busy.

    An idle batcher runs an item at once. What arrives while a batch runs forms the next one, in the order it
    came and up to `max_size` units of weight, so batches grow with the load and shrink without it. An item whose
    caller has gone never reaches `run`. Source: the request queue of text-embeddings-inference, without its timer.
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
        self._queue: deque[_Entry[T, R]] = deque()
        self._queued = 0  # weight of what waits and is wanted still
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The result of `item`. Raises: OverloadedError at once when the queue is full; what `run` raises."""
        weight = self._weigh(item)
        if self._queued and self._queued + weight > self._max_queue:
            raise OverloadedError(f"{self._queued} messages are waiting, the limit is {self._max_queue}")
        entry: _Entry[T, R] = _Entry(item, weight, asyncio.get_running_loop().create_future())
        self._queue.append(entry)
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

    def _uncount(self, entry: _Entry[T, R]) -> None:
        if entry.counted:
            entry.counted = False
            self._queued -= entry.weight

    def _next_batch(self) -> list[_Entry[T, R]]:
        """What is wanted still, oldest first, up to `max_size`; a single heavier item goes alone."""
        batch: list[_Entry[T, R]] = []
        size = 0
        while self._queue:
            entry = self._queue[0]
            if batch and size + entry.weight > self._max_size:
                break
            self._queue.popleft()
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
