"""Wakes the engine when something ends by itself: an offer, a wait, a wrap-up, a lease."""

from __future__ import annotations

import asyncio

import structlog

from engine.decision_thread import DecisionThread
from engine.errors import EngineError
from engine.ports import Clock, Store
from engine.routing.lifecycle import Lifecycle

LONGEST_SLEEP = 0.5  # seconds; another engine, or a call here, may have set an earlier moment meanwhile


class Timekeeper:
    """One task per engine; what two engines find due at once is done once, since the store refuses the second."""

    def __init__(self, *, store: Store, lifecycle: Lifecycle, clock: Clock, thread: DecisionThread) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._clock = clock
        self._thread = thread

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                sleep = await self._thread.run(self._step)
            except EngineError as error:
                structlog.get_logger().warning("timekeeper_retries", error=str(error))
                sleep = LONGEST_SLEEP
            await asyncio.sleep(sleep)

    def _step(self) -> float:
        """Do what is due; seconds until the next look."""
        self._lifecycle.tick(self._clock.now_ms())
        moment = self._store.next_due_ms()
        if moment is None:
            return LONGEST_SLEEP
        return min(max((moment - self._clock.now_ms()) / 1000, 0.0), LONGEST_SLEEP)
