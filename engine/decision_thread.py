"""The one thread on which the engine decides, so that its state needs no lock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
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
        self._spare: deque[_Job] = deque()  # what is done when the thread is awake anyhow
        self._told: list[Callable[[], object]] = []  # what the loop is to call with the next answer
        self._is_closed = False
        self._thread.start()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns or raises. Work that has begun is finished even when the caller goes."""
        if self._is_closed:
            raise RuntimeError("the decision thread is closed")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put((future, partial(work, *args, **kwargs)))
        return await future

    async def run_beside(self, within: float, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same of what can wait for so many seconds: behind the next call, whose caller has woken the thread."""
        if self._is_closed:
            raise RuntimeError("the decision thread is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        job = (future, partial(work, *args, **kwargs))
        self._spare.append(job)
        waking = loop.call_later(within, self._urge, job)
        try:
            return await future
        finally:
            waking.cancel()

    def tell(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
        """Let the loop call this soon; from work on this thread, with its answer, which wakes the loop anyhow."""
        if threading.get_ident() == self._thread.ident:
            self._told.append(callback)
        else:
            loop.call_soon_threadsafe(callback)

    def close(self) -> None:
        """Wait for what was asked for."""
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join()

    def _urge(self, job: _Job) -> None:
        """Wake the thread for what has waited long enough, if it still does."""
        with contextlib.suppress(ValueError, IndexError):  # the thread took it meanwhile
            self._spare.remove(job)
            self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._answer(*job)
            while self._spare and self._jobs.empty():
                self._answer_spare()
        while self._spare:
            self._answer_spare()

    def _answer_spare(self) -> None:
        with contextlib.suppress(IndexError):  # it was urged meanwhile
            self._answer(*self._spare.popleft())

    def _answer(self, future: asyncio.Future[R], work: Callable[[], R]) -> None:
        if future.cancelled():
            return
        settle: Callable[[], None]
        try:
            settle = partial(future.set_result, work())
        except BaseException as error:
            settle = partial(future.set_exception, error)
        told, self._told = self._told, []
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it whoever waited
            future.get_loop().call_soon_threadsafe(_settle, future, settle, told)


def _settle(
    future: asyncio.Future[R], settle: Callable[[], None], told: Sequence[Callable[[], object]]
) -> None:
    """On the future's loop, where its caller may have gone meanwhile."""
    if not future.done():
        settle()
    for callback in told:
        callback()
