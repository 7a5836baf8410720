"""Who waits in the embedded store, first come first."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from engine.domain import Conversation
from engine.stores import sqlite_rows as rows
from engine.stores.sqlite_conversations import Conversations
from engine.stores.sqlite_journal import SQLiteJournal

_AHEAD = 16  # conversations of a queue that are read together
_FIRST = (
    "SELECT conversation_id FROM queues WHERE tenant = ? AND queue = name"
    " ORDER BY rank_ms, conversation_id LIMIT 1"
)
_HEAD = "SELECT conversation_id FROM queues WHERE tenant = ? AND queue = ? ORDER BY rank_ms, conversation_id LIMIT ?"


class Queues:
    """Reads them; `Conversations` writes them. Shares the store's connection and its memory."""

    def __init__(
        self, connection: sqlite3.Connection, conversations: Conversations, journal: SQLiteJournal
    ) -> None:
        self._db = connection
        self._conversations = conversations
        self._journal = journal

    def waiting(self, tenant: str, limits: Mapping[str, int]) -> list[Conversation]:
        """See `ports.Store`."""
        first = self._first(tenant, list(limits))
        self._read_ahead(tenant, first)
        ids = set(first.values())
        for name in first:
            if limits[name] > 1:
                ids.update(self._head(tenant, name, limits[name]))
        found = self._conversations.by_id(tenant, list(ids)) if ids else {}
        return sorted(found.values(), key=_place)

    def _first(self, tenant: str, names: Sequence[str]) -> dict[str, str]:
        """Of the queues where anybody waits."""
        wanted = rows.padded(names)
        found = self._db.execute(
            f"WITH wanted (name) AS (VALUES {rows.marks('(?)', wanted)}) SELECT name, ({_FIRST}) FROM wanted",
            (*wanted, tenant),
        ).fetchall()
        return {name: conversation_id for name, conversation_id in found if conversation_id}

    def _head(self, tenant: str, name: str, limit: int) -> list[str]:
        return [one for (one,) in self._db.execute(_HEAD, (tenant, name, limit)).fetchall()]

    def _read_ahead(self, tenant: str, first: Mapping[str, str]) -> None:
        """Where the first one is forgotten, learn of those behind it as well: alone each costs several times more.

        They may be forgotten again while they wait; then they are read again.
        """
        for name, conversation_id in first.items():
            if not self._conversations.has(tenant, conversation_id):
                ids = self._head(tenant, name, _AHEAD)
                self._conversations.by_id(tenant, ids)
                self._journal.remember(tenant, ids)


def _place(one: Conversation) -> tuple[int, str]:
    return one.rank_ms, one.conversation_id
