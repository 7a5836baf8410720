"""Counts what preloading is good for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SourceTally:
    """Of one source. `refused` are calls that its open breaker spared; `took_ms` is the sum over `answered`."""

    answered: int = 0
    failed: int = 0
    timed_out: int = 0
    refused: int = 0
    took_ms: int = 0


@dataclass(slots=True)
class Tally:
    """Of one tenant since the engine started.

    `shown` is how often an agent came to see a customer, `ready` how often all was there already. Of the time the
    sources took for these, `saved_ms` passed before the agent came, and `waited_ms` after.
    """

    shown: int = 0
    ready: int = 0
    saved_ms: int = 0
    waited_ms: int = 0
    dropped: int = 0
    sources: dict[str, SourceTally] = field(default_factory=dict)

    def source(self, name: str) -> SourceTally:
        """Made when first named."""
        found = self.sources.get(name)
        if found is None:
            found = self.sources[name] = SourceTally()
        return found

    def saw(self, took_ms: int, waited_ms: int, *, is_whole: bool) -> None:
        """An agent came to see a customer whose data took so long, and waited for so much of it.

        Where a source failed, nothing was gained.
        """
        self.shown += 1
        if is_whole:
            self.ready += not waited_ms
            self.waited_ms += waited_ms
            self.saved_ms += max(took_ms - waited_ms, 0)
