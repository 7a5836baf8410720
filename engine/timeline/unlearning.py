"""Forgets what was learned of replies where a customer's words may have been typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.assist import ticket
from engine.domain import StoredEvent
from engine.timeline import entry


class Learner(Protocol):
    """Knows what was learned; `assist.bookkeeper.Bookkeeper` is one."""

    def unlearn(self, tenant: str, typed: str, reply_ids: Sequence[str]) -> None:
        """Forget what was learned of these replies where this was typed."""
        ...


class Unlearning:
    """Called on the decision thread. `learner` gives the current one."""

    def __init__(self, learner: Callable[[], Learner]) -> None:
        self._learner = learner

    def __call__(self, tenant: str, used: Sequence[StoredEvent]) -> None:
        """Of these journaled uses of suggestions."""
        for one in used:
            told = entry.payload(one)
            typed = ticket.from_text(told.list_id).typed if told.list_id else ""
            if typed:
                self._learner().unlearn(tenant, typed, list(told.shown_reply_ids))
