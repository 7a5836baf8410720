"""Reads the journal once for all bots that are at the same place of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from engine.bots.store import BotStore, Page
from engine.decision_thread import DecisionThread

_Asked = tuple[str, int, tuple[str, ...], int]  # as `BotStore.journal` takes them


class Reading:
    """Pages of the journal, read on the decision thread and shared by who asked for the same in time."""

    def __init__(self, *, store: BotStore, thread: DecisionThread) -> None:
        self._store = store
        self._thread = thread
        self._waiting: dict[_Asked, asyncio.Task[Page]] = {}  # that the thread did not come to yet

    async def page(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        """See `BotStore.journal`; it holds what was committed before it was asked for. Raises: StorageError."""
        asked = (tenant, after, tuple(kinds), limit)
        task = self._waiting.get(asked)
        if task is None:
            task = self._waiting[asked] = asyncio.create_task(self._thread.run(self._read, asked))
            task.add_done_callback(partial(self._drop, asked))
        return await asyncio.shield(task)  # others wait for it too

    def _drop(self, asked: _Asked, task: asyncio.Task[Page]) -> None:
        """What the thread never came to, as it is closed, is asked for anew."""
        if self._waiting.get(asked) is task:
            del self._waiting[asked]

    def _read(self, asked: _Asked) -> Page:
        # Who asks from here on may have heard of a commit that this does not see.
        self._waiting.pop(asked, None)
        return self._store.journal(*asked)
