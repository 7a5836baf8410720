"""CPU time by stage, where stages run inside one another."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Stopwatch:
    """Adds up, per stage, the CPU seconds of this thread that were not spent in a stage within it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self._watched: list[tuple[object, str, object]] = []
        self._inner = [0.0]  # by depth: what stages within took

    def timed(self, stage: str, function: Callable[P, R]) -> Callable[P, R]:
        """The function, its time counted for the stage."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            self._inner.append(0.0)
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                taken = time.thread_time() - began
                self.seconds[stage] += taken - self._inner.pop()
                self.calls[stage] += 1
                self._inner[-1] += taken

        return call

    def watch(self, owner: object, name: str, stage: str) -> None:
        """Count what `owner` (an object, a class or a module) does under this name."""
        self._watched.append((owner, name, getattr(owner, name)))
        setattr(owner, name, self.timed(stage, getattr(owner, name)))

    def release(self) -> None:
        """Leave alone again whatever is watched."""
        while self._watched:
            setattr(*self._watched.pop())

    def reset(self) -> None:
        """Forget what was counted."""
        self.seconds.clear()
        self.calls.clear()
