"""Streams that would stay for ever, and end at once when the gateway leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from yingda.service.errors import RETRY_DELAY_MS, StatusError

_LEAVING = "the gateway is leaving: call again, and another one answers"


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
        """In the task that serves it. Raises: StatusError once the gateway leaves."""
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
        """From here on it may be ended. Raises: StatusError where the gateway leaves by now."""
        if self._held.is_leaving:
            raise leaving()
        self._waiting.add(self.task)

    def work(self) -> None:
        """From here on it may not."""
        self._waiting.discard(self.task)


def leaving() -> StatusError:
    """What callers are told."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, _LEAVING, retry_ms=RETRY_DELAY_MS)
