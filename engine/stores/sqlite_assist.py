"""What the assist keeps in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine.domain import Reply
from engine.errors import NotFoundError, StorageError
from engine.ports import LEARNED, RECEIPTS_KEPT
from engine.stores import detail
from engine.stores.sqlite_journal import SQLiteJournal

_RATED, _DELETED = "feedback/", "delete/"  # what was done under an id


class SQLiteAssistStore:
    """See `ports.ReplyStore` and `ports.FeedbackStore`. Shares the store's connection, and its one thread."""

    def __init__(self, connection: sqlite3.Connection, journal: SQLiteJournal) -> None:
        self._db = connection
        self._journal = journal

    def versions(self, tenant: str) -> Mapping[str, int]:
        """See `ports.SharedStore`: the file is this engine's alone."""
        return {}

    def replies(self, tenant: str) -> list[Reply]:
        """See `ports.ReplyStore`."""
        found = self._read("SELECT data FROM replies WHERE tenant = ? ORDER BY reply_id", tenant)
        return [detail.reply(data) for (data,) in found]

    def put_replies(self, tenant: str, replies: Sequence[Reply]) -> None:
        """See `ports.ReplyStore`."""
        with self._write():
            self._insert(tenant, replies)

    def delete_reply(self, tenant: str, reply_id: str, request_id: str, now_ms: int) -> None:
        """See `ports.ReplyStore`."""
        with self._write():
            if request_id and not self._sign(tenant, _DELETED + request_id, b"", now_ms):
                return
            done = self._db.execute(
                "DELETE FROM replies WHERE tenant = ? AND reply_id = ?", (tenant, reply_id)
            )
            if not done.rowcount:
                raise NotFoundError(f"tenant {tenant} has no reply {reply_id}")

    def seed(self, tenant: str, replies: Sequence[Reply]) -> bool:
        """See `ports.ReplyStore`."""
        with self._write():
            done = self._db.execute("INSERT INTO seeds VALUES (?) ON CONFLICT DO NOTHING", (tenant,))
            if done.rowcount:
                self._insert(tenant, replies)
        return bool(done.rowcount)

    def recent_records(self, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
        """See `ports.ReplyStore`."""
        try:
            return self._journal.recent_records(tenant, conversation_id, limit)
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be read: {error}") from error

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """See `ports.FeedbackStore`."""
        found = self._read("SELECT key, data FROM documents WHERE tenant = ? AND kind = ?", tenant, kind)
        return dict(found)

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """See `ports.FeedbackStore`."""
        with self._write():
            self._put_documents(tenant, kind, {key: data})

    def delete_document(self, tenant: str, kind: str, key: str) -> bool:
        """See `ports.FeedbackStore`."""
        with self._write():
            done = self._db.execute(
                "DELETE FROM documents WHERE tenant = ? AND kind = ? AND key = ?", (tenant, kind, key)
            )
        return bool(done.rowcount)

    def commit_feedback(
        self, tenant: str, request_id: str, receipt: bytes, documents: Mapping[str, bytes], now_ms: int
    ) -> bytes | None:
        """See `ports.FeedbackStore`."""
        with self._write():
            if self._sign(tenant, _RATED + request_id, receipt, now_ms):
                self._put_documents(tenant, LEARNED, documents)
                return None
        return self.receipt(tenant, request_id)

    def receipt(self, tenant: str, request_id: str) -> bytes | None:
        """See `ports.FeedbackStore`."""
        found = self._read(
            "SELECT receipt FROM receipts WHERE tenant = ? AND request = ?", tenant, _RATED + request_id
        )
        receipt: bytes | None = found[0][0] if found else None
        return receipt

    def _sign(self, tenant: str, request: str, receipt: bytes, now_ms: int) -> bool:
        """Whether the request is new; it is known from now on, and the oldest are forgotten."""
        self._db.execute(
            "DELETE FROM receipts WHERE tenant = ? AND time_ms < ?", (tenant, now_ms - RECEIPTS_KEPT * 1000)
        )
        done = self._db.execute(
            "INSERT INTO receipts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (tenant, request, receipt, now_ms),
        )
        return bool(done.rowcount)

    def _insert(self, tenant: str, replies: Sequence[Reply]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?)",
            [(tenant, reply.reply_id, detail.reply_text(reply)) for reply in replies],
        )

    def _put_documents(self, tenant: str, kind: str, documents: Mapping[str, bytes]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
            [(tenant, kind, key, data) for key, data in documents.items()],
        )

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be read: {error}") from error

    @contextmanager
    def _write(self) -> Iterator[None]:
        """One transaction: kept when the block ends, undone when it raises."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be written: {error}") from error
