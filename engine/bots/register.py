"""Which bots a tenant has, and how far behind each is."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bots.store import BotStore


@dataclass(frozen=True, slots=True)
class Standing:
    """All up to `sequence` is done; `behind_since_ms` is when what follows was written, 0 where nothing does."""

    sequence: int
    behind_since_ms: int


class Register:
    """Called on the decision thread."""

    def __init__(self, *, store: BotStore) -> None:
        self._store = store

    def standings(self, tenant: str) -> dict[str, Standing]:
        """By bot, in order of id."""
        places = sorted(self._store.positions(tenant).items())
        return {bot_id: Standing(sequence, self._behind_ms(tenant, sequence)) for bot_id, sequence in places}

    def forget(self, tenant: str, bot_id: str) -> None:
        """Raises: NotFoundError."""
        self._store.forget(tenant, bot_id)

    def _behind_ms(self, tenant: str, sequence: int) -> int:
        page = self._store.journal(tenant, sequence, (), 1)
        return page.events[0].event.time_ms if page.events else 0
