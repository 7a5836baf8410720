"""What a draft journals, in the order it is read in, each entry with what led to it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain import Event

Cause = int | None  # an early event's number as it is, a message's as its complement (`~number`)


class Log:
    """Three parts: what comes before the messages, the messages, and what came of waiting, in true order."""

    def __init__(self) -> None:
        self.messages: list[Event] = []
        self._early: list[tuple[Event, Cause]] = []
        self._late: list[tuple[Event, Cause]] = []
        self._last: dict[str, int] = {}  # by conversation, its newest early event

    def early(self, event: Event, message: int | None) -> None:
        """Put it before the messages. The message led to it, or the conversation's event before."""
        cause = self._last.get(event.conversation_id) if message is None else ~message
        if event.conversation_id:
            self._last[event.conversation_id] = len(self._early)
        self._early.append((event, cause))

    def late(self, event: Event, cause: Cause) -> None:
        """Put it behind all. Where no cause is known, it is the conversation's own early event."""
        self._late.append((event, self._last.get(event.conversation_id) if cause is None else cause))

    def cause(self, message: int | None) -> Cause:
        """The message, or the early event that came last."""
        if message is not None:
            return ~message
        return len(self._early) - 1 if self._early else None

    def entries(self, after: int) -> Sequence[Event]:
        """All in order; those that nothing in here led to come after that sequence."""
        if not self._early and not self._late:
            return self.messages
        late = len(self._early) + len(self.messages)
        return [
            *[self._led(*one, at, after) for at, one in enumerate(self._early)],
            *self.messages,
            *[self._led(*one, at, after) for at, one in enumerate(self._late, late)],
        ]

    def _led(self, event: Event, cause: Cause, at: int, after: int) -> Event:
        if cause is None:
            return event._replace(after=after) if after else event
        place = cause if cause >= 0 else len(self._early) + ~cause
        return event._replace(by=place - at)
