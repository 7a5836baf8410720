"""Streams that would stay for ever, and end at once when their service leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

from yingda.service.errors import RETRY_DELAY_MS, StatusError

T = TypeVar("T")
_LEAVING = "the service is leaving: call again, and another one answers"


class Held:
    """Used on the event loop. A stream is held while it waits and nothing would be lost by its end."""

    def __init__(self) -> None:
        self.is_leaving = False
        self._waiting: set[asyncio.Task[Any]] = set()

    def leave(self) -> None:
        """End them, those that come to wait later too; their callers are told to come again."""
        self.is_leaving = True
        for task in self._waiting:
            task.cancel()

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        """In the task that serves it. Raises: StatusError once the service leaves."""
        stream = Stream(self, self._waiting)
        try:
            yield stream
        except asyncio.CancelledError:
            if not self.is_leaving:
                raise
            stream.task.uncancel()
            raise leaving() from None
        finally:
            stream.work()

    async def next(self, read: Callable[[], Awaitable[T]]) -> T | None:
        """What `read` gives, None at the end of its stream, which is held meanwhile and not while it is answered.

        `read` is that of a call's context: a handler which reads by itself takes fewer tasks than one that is read for.
        Raises: StatusError once the service leaves.
        """
        with self.stream() as stream:
            stream.wait()
            request = await read()
        return None if request is grpc.aio.EOF else request

    async def answer(self, context: Any, respond: Callable[[Any], Awaitable[object]]) -> None:  # noqa: ANN401
        """Respond to each request of a call's stream, in order. Raises: StatusError once the service leaves."""
        while (request := await self.next(context.read)) is not None:
            await context.write(await respond(request))


class Stream:
    """One of them; `wait` and `work` say what it does."""

    __slots__ = ("_held", "_waiting", "task")

    def __init__(self, held: Held, waiting: set[asyncio.Task[Any]]) -> None:
        task = asyncio.current_task()
        assert task is not None  # whoever serves a call runs in one
        self.task = task
        self._held = held
        self._waiting = waiting

    def wait(self) -> None:
        """From here on it may be ended. Raises: StatusError where the service leaves by now."""
        if self._held.is_leaving:
            raise leaving()
        self._waiting.add(self.task)

    def work(self) -> None:
        """From here on it may not."""
        self._waiting.discard(self.task)


def leaving() -> StatusError:
    """What callers are told."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, _LEAVING, retry_ms=RETRY_DELAY_MS)
