"""A circuit breaker: a source that fails again and again is left alone for a while.

Source: M. Nygard, Release It!, chapter "Circuit Breaker".
"""

from __future__ import annotations

from engine.ports import Clock

FAILURES = 5  # in a row, after which it opens
PAUSE_MS = 10_000  # milliseconds for which it stays open; then one call may try


class Breaker:
    """Used on one thread. `resumes_ms` is when an open one may be tried."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self.resumes_ms = 0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return self._failures >= FAILURES

    @property
    def is_resting(self) -> bool:
        """Whether no call will be made before `resumes_ms`."""
        return self.is_open and self._clock.now_ms() < self.resumes_ms

    def allows(self) -> bool:
        """Whether a call may be made; of an open one that has paused, one may, and decides."""
        if not self.is_open:
            return True
        now_ms = self._clock.now_ms()
        if now_ms < self.resumes_ms:
            return False
        self.resumes_ms = now_ms + PAUSE_MS
        return True

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures = 0

    def failed(self) -> None:
        """A call was not."""
        self._failures += 1
        if self.is_open:
            self.resumes_ms = self._clock.now_ms() + PAUSE_MS
