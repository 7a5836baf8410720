"""The journal as bots read it, in the shared store."""

from __future__ import annotations

from collections.abc import Sequence

from engine.bots.store import Page
from engine.errors import NotFoundError
from engine.stores import redis_rows as rows
from engine.stores.redis_assist import Write
from engine.stores.redis_client import RedisClient


class RedisBotStore:
    """See `bots.store.BotStore`. Shares the store's connection, and its one thread."""

    def __init__(self, client: RedisClient, write: Write) -> None:
        self._client = client
        self._write = write

    def journal(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        """See `bots.store.BotStore`."""
        wanted = f" {' '.join(kinds)} " if kinds else ""
        through, *found = self._client.read("journal", rows.prefix_of(tenant), after, limit, wanted)
        events = [
            rows.stored_event(conversation.decode(), value)
            for conversation, value in zip(found[::2], found[1::2], strict=True)
        ]
        return Page(events=events, through=int(through))

    def last_sequence(self, tenant: str) -> int:
        """See `bots.store.BotStore`."""
        return int(self._client.call("GET", f"{rows.prefix_of(tenant)}:sequence") or 0)

    def positions(self, tenant: str) -> dict[str, int]:
        """See `bots.store.BotStore`."""
        found = self._client.call("HGETALL", f"{rows.prefix_of(tenant)}:bots")
        return {bot_id.decode(): int(sequence) for bot_id, sequence in found.items()}

    def advance(self, tenant: str, bot_id: str, sequence: int) -> None:
        """See `bots.store.BotStore`."""
        self._write("advance_bot", tenant, bot_id, sequence)

    def forget(self, tenant: str, bot_id: str) -> None:
        """See `bots.store.BotStore`."""
        if not self._write("forget_bot", tenant, bot_id):
            raise NotFoundError(f"tenant {tenant} has no bot {bot_id}")
