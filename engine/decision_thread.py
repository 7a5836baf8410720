"""The one thread on which the engine decides, so that its state needs no lock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_Job = tuple[asyncio.Future[Any], Callable[[], Any]]


class DecisionThread:
    """Runs blocking work off the event loop, one call at a time, in the order asked.

    A message that comes alone pays for every hand-over between threads, so there is one lock to wake this thread and
    one callback to wake the loop, and none of an executor's futures in between.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="decide", daemon=True)
        self._is_closed = False
        self._thread.start()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns or raises. Work that has begun is finished even when the caller goes."""
        if self._is_closed:
            raise RuntimeError("the decision thread is closed")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put((future, partial(work, *args, **kwargs)))
        return await future

    def close(self) -> None:
        """Wait for what was asked for."""
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work = job
            if not future.cancelled():
                _answer(future, work)


def _answer(future: asyncio.Future[R], work: Callable[[], R]) -> None:
    settle: Callable[[], None]
    try:
        settle = partial(future.set_result, work())
    except BaseException as error:
        settle = partial(future.set_exception, error)
    with contextlib.suppress(RuntimeError):  # the loop is closed, and with it whoever waited
        future.get_loop().call_soon_threadsafe(_settle, future, settle)


def _settle(future: asyncio.Future[R], settle: Callable[[], None]) -> None:
    """On the future's loop, where its caller may have gone meanwhile."""
    if not future.done():
        settle()
