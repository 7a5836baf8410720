"""Handles events: those of a conversation one after the other, those of several side by side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import grpc

from yingda.bot.config import BotConfig
from yingda.bot.handlers import FailureHandler, Handlers
from yingda.bot.happening import Desk
from yingda.errors import YingdaError
from yingda.v1 import event_pb2

log = logging.getLogger("yingda.bot")
FIRST_PAUSE = 0.2  # seconds before a handler is tried again; doubled each time
LONGEST_PAUSE = 5.0  # seconds
# The service's fault and not the handler's, so it is tried for as long as it takes.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)


class Worker:
    """Used on one event loop. `done` is told of each event, once nothing more will be tried for it."""

    def __init__(
        self,
        *,
        handlers: Handlers,
        failed: Sequence[FailureHandler],
        desk: Desk,
        config: BotConfig,
        done: Callable[[event_pb2.Event], None],
    ) -> None:
        self._handlers = handlers
        self._failed = failed
        self._desk = desk
        self._config = config
        self._done = done
        self._places = asyncio.Semaphore(config.concurrency)
        self._last: dict[str, asyncio.Task[None]] = {}  # of each conversation that has events under way
        self._running: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def begin(self, event: event_pb2.Event) -> None:
        """Handle the event once those of its conversation before it are; after `drain` it is left for another time."""
        if self._is_closing:
            return
        name = event.conversation_id
        task = asyncio.create_task(self._after(self._last.get(name), event))
        self._last[name] = task
        self._running.add(task)
        task.add_done_callback(lambda ended: self._forget(name, ended))

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, and wait for so long for what is under way; what is late comes again another time."""
        self._is_closing = True
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _after(self, before: asyncio.Task[None] | None, event: event_pb2.Event) -> None:
        if before is not None:
            await asyncio.wait([before])
        async with self._places:
            await self._handle(event)
        self._done(event)

    async def _handle(self, event: event_pb2.Event) -> None:
        """Try until it is done, or cannot be."""
        failures, pause = 0, FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(self._config.handler_timeout):
                    await self._handlers.handle(event, self._desk, self._config.bot_id)
            except Exception as error:
                failures += not _is_passing(error)
                log.warning("handling event %d failed (%s)", event.sequence, type(error).__name__)
                if failures >= self._config.attempts:
                    await self._give_up(event, error)
                    return
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _give_up(self, event: event_pb2.Event, error: Exception) -> None:
        log.error("event %d of %s is given up", event.sequence, event.conversation_id, exc_info=error)
        for handler in self._failed:
            try:
                result = handler(event, error)
                if asyncio.iscoroutine(result):
                    await result
            except Exception:
                log.exception("on_failure failed for event %d", event.sequence)

    def _forget(self, name: str, ended: asyncio.Task[None]) -> None:
        self._running.discard(ended)
        if self._last.get(name) is ended:
            del self._last[name]


def _is_passing(error: Exception) -> bool:
    return isinstance(error, YingdaError) and error.code in _PASSING
