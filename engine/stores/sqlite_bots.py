"""The journal as bots read it, in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.bots.store import Page
from engine.errors import NotFoundError, StorageError
from engine.stores.sqlite_journal import SQLiteJournal


class SQLiteBotStore:
    """See `bots.store.BotStore`. Shares the store's connection, and its one thread."""

    def __init__(self, connection: sqlite3.Connection, journal: SQLiteJournal) -> None:
        self._db = connection
        self._journal = journal

    def journal(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        """See `bots.store.BotStore`."""
        with _errors("read"):
            return self._journal.page(tenant, after, kinds, limit)

    def last_sequence(self, _tenant: str) -> int:
        """See `bots.store.BotStore`: that of all tenants."""
        return self._journal.last_sequence

    def positions(self, tenant: str) -> dict[str, int]:
        """See `bots.store.BotStore`."""
        with _errors("read"):
            found = self._db.execute("SELECT bot_id, sequence FROM bots WHERE tenant = ?", (tenant,))
            return dict(found.fetchall())

    def advance(self, tenant: str, bot_id: str, sequence: int) -> None:
        """See `bots.store.BotStore`."""
        self._write(
            "INSERT INTO bots VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)",
            tenant,
            bot_id,
            sequence,
        )

    def forget(self, tenant: str, bot_id: str) -> None:
        """See `bots.store.BotStore`."""
        if not self._write("DELETE FROM bots WHERE tenant = ? AND bot_id = ?", tenant, bot_id):
            raise NotFoundError(f"tenant {tenant} has no bot {bot_id}")

    def _write(self, statement: str, *values: object) -> int:
        """One statement, committed; how many rows it changed."""
        with _errors("written"):
            return self._db.execute(statement, values).rowcount


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"the store cannot be {what}: {error}") from error
