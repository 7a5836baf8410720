"""How far a bot has come: events end in any order, and what is acknowledged are all up to one."""

from __future__ import annotations

from collections import deque


class Progress:
    """Sequences that began in order; `done_through` is the last one that ended with all before it."""

    def __init__(self) -> None:
        self.begun_through = 0
        self.done_through = 0
        self._under_way: deque[int] = deque()
        self._ended: set[int] = set()  # behind one that has not ended

    def begin(self, sequence: int) -> bool:
        """Whether the event is new: after a reconnect those under way come again."""
        if (
            sequence <= self.done_through
        ):  # what is acknowledged never comes again, so the journal is another one
            self._forget()
        if sequence <= self.begun_through:
            return False
        self.begun_through = sequence
        self._under_way.append(sequence)
        return True

    def end(self, sequence: int) -> None:
        """The event is done with."""
        self._ended.add(sequence)
        while self._under_way and self._under_way[0] in self._ended:
            self.done_through = self._under_way.popleft()
            self._ended.discard(self.done_through)

    def _forget(self) -> None:
        self.begun_through = self.done_through = 0
        self._under_way.clear()
        self._ended.clear()
