"""Counts agents' corrections for a canary, whichever engine answered and whichever is told."""

from __future__ import annotations

import asyncio

import structlog

from engine.bundles.ports import ModelCodec
from engine.bundles.trials import Trials
from engine.decision_thread import DecisionThread
from engine.domain import MESSAGE
from engine.errors import EngineError
from engine.ports import Codec, Store


class Corrections:
    """Called on the event loop with conversations that agents say were read wrongly.

    The journal tells which bundle read a conversation's last message, and when: so every engine of a store knows.
    """

    def __init__(
        self, *, store: Store, codec: Codec, models: ModelCodec, trials: Trials, thread: DecisionThread
    ) -> None:
        self._store = store
        self._codec = codec
        self._models = models
        self._trials = trials
        self._thread = thread
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, tenant: str, conversation_id: str) -> None:
        """Nothing is done where nothing is tried out."""
        if self._trials.canary() is None:
            return
        task = asyncio.create_task(self._count(tenant, conversation_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _count(self, tenant: str, conversation_id: str) -> None:
        try:
            await self._thread.run(self._read, tenant, conversation_id)
        except EngineError as error:
            structlog.get_logger().warning("correction_not_counted", tenant=tenant, error=str(error))

    def _read(self, tenant: str, conversation_id: str) -> None:
        for one in self._store.latest_events(tenant, conversation_id, MESSAGE, 1):
            said = self._models.said(self._codec.answer_in(one.event.data))
            self._trials.correct(said.bundle_id, one.event.time_ms)
