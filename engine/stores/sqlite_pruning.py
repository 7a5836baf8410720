"""Takes entries of the embedded journal away, once what they tell of is old and over."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager

from engine.domain import ConversationState
from engine.stores.sqlite_conversations import Conversations
from engine.stores.sqlite_frame import Frame
from engine.stores.sqlite_heads import Name
from engine.stores.sqlite_journal import SQLiteJournal
from engine.timeline.archive import OWN


class SQLitePruning:
    """Shares the store's connection and its thread. `write` is one transaction, `catch_up` writes all that lags."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        journal: SQLiteJournal,
        conversations: Conversations,
        write: Callable[[], AbstractContextManager[None]],
        catch_up: Callable[[], None],
    ) -> None:
        self._db = connection
        self._journal = journal
        self._conversations = conversations
        self._write = write
        self._catch_up = catch_up

    def prune(self, tenant: str, after: int, before_ms: int, limit: int) -> int:
        """See `timeline.archive.Archive`."""
        old: list[tuple[Frame, list[int]]] = []
        looked = 0
        while looked < limit and (frame := self._journal.frame_after(tenant, after)):
            if frame.newest_ms >= before_ms:
                break
            kept = self._kept(frame, before_ms)
            if len(kept) < len(frame):
                old.append((frame, kept))
            looked += len(frame)
            after = frame.last
        if old:
            self._remove(tenant, old)
        return after

    def _kept(self, frame: Frame, before_ms: int) -> list[int]:
        """Entries of what goes on, or concerns the tenant as a whole."""
        names = set(frame.conversation_ids)
        known = self._conversations.by_id(frame.tenant, sorted(names)).values()
        staying = OWN | {
            one.conversation_id
            for one in known
            if one.state is not ConversationState.CLOSED or one.updated_ms >= before_ms
        }
        return [number for number, one in enumerate(frame.conversation_ids) if one in staying]

    def _remove(self, tenant: str, frames: Sequence[tuple[Frame, list[int]]]) -> None:
        if frames[-1][0].last > self._journal.written_to:
            self._catch_up()
        gone: set[Name] = set()
        with self._write():
            for frame, kept in frames:
                gone |= {(tenant, one) for one in self._journal.keep(frame, kept)}
            self._delete(gone)
        self._journal.drop(gone)
        self._conversations.drop(gone)

    def _delete(self, gone: Collection[Name]) -> None:
        for table in ("heads", "conversations", "firings"):
            self._db.executemany(f"DELETE FROM {table} WHERE tenant = ? AND conversation_id = ?", gone)
