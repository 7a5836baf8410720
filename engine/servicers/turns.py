"""Streams on which a caller asks one thing after the other, each when the last was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

Context = grpc.aio.ServicerContext[Any, Any]


class Turns:
    """Serves such streams until their callers end them, or the engine leaves. Used on the event loop."""

    def __init__(self) -> None:
        self._idle: set[asyncio.Task[Any]] = set()  # streams that wait to be asked
        self._leaving = asyncio.Event()

    async def serve(self, context: Context, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        """One stream. It is read here, which takes fewer tasks than to be read for; what `answer` raises ends it."""
        while (request := await self._next(context)) is not None:
            await context.write(await answer(request))

    def leave(self) -> None:
        """End the streams between two questions: who asks comes again elsewhere."""
        self._leaving.set()
        for task in self._idle:
            task.cancel()

    async def _next(self, context: Context) -> bytes | None:
        """What is asked next; None where nothing is, or the engine leaves."""
        if self._leaving.is_set():
            return None
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        try:
            request = await context.read()
        except asyncio.CancelledError:
            if not self._leaving.is_set():
                raise
            task.uncancel()
            return None
        finally:
            self._idle.discard(task)
        return request if isinstance(request, bytes) else None
