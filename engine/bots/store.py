"""What feeding bots needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.domain import StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events of a tenant's journal, and the sequence up to which it was looked through for them."""

    events: Sequence[StoredEvent]
    through: int


class BotStore(Protocol):
    """A tenant's journal as one, and who read how far. Called from one thread."""

    def journal(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        """The next events of these kinds (all, if none is named) above a sequence, in order.

        A call looks through a bounded part of the journal, so a page may be short though more follows: there is
        more to look through as long as `through` grows.
        """
        ...

    def last_sequence(self, tenant: str) -> int:
        """Nothing of the tenant stands above it; 0 where nothing was journaled."""
        ...

    def positions(self, tenant: str) -> dict[str, int]:
        """By bot, the sequence up to which all is done."""
        ...

    def advance(self, tenant: str, bot_id: str, sequence: int) -> None:
        """All up to the sequence is done; a bot that is not known yet becomes so. It never goes back."""
        ...

    def forget(self, tenant: str, bot_id: str) -> None:
        """Raises: NotFoundError."""
        ...
