"""Takes texts out of the embedded store, so that no byte of them is left in its files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from engine.errors import StorageError
from engine.stores.detail import encode
from engine.stores.sqlite_journal import SQLiteJournal

_CHUNK = 1 << 20  # bytes of a file that are looked through at once


class SQLiteArchive:
    """See `timeline.archive.Archive`. Shares the store's connection, and its one thread, but for `holds`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        journal: SQLiteJournal,
        write: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._db = connection
        self._journal = journal
        self._write = write
        self._path = Path(connection.execute("PRAGMA database_list").fetchone()[2])

    def rewrite(self, tenant: str, payloads: Mapping[int, bytes]) -> None:
        """See `timeline.archive.Archive`."""
        with self._secure(), self._write():
            self._journal.rewrite(tenant, payloads)

    def drop_comments(self, tenant: str, ticket_ids: Collection[str]) -> None:
        """See `timeline.archive.Archive`."""
        with self._secure(), self._write():
            self._db.executemany(
                "DELETE FROM comments WHERE tenant = ? AND ticket_id = ?",
                [(tenant, one) for one in ticket_ids],
            )

    def settle(self) -> None:
        """See `timeline.archive.Archive`: the log is copied into the file and emptied."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def compact(self) -> None:
        """See `timeline.archive.Archive`."""
        self._run("VACUUM")
        self.settle()

    def holds(self, tenant: str, texts: Sequence[str]) -> list[bool]:
        """See `timeline.archive.Archive`."""
        needles = [_spellings(text) for text in texts]
        found = [False] * len(needles)
        for part in self._parts(max((len(one) for spelt in needles for one in spelt), default=1)):
            for number, spelt in enumerate(needles):
                found[number] = found[number] or any(one in part for one in spelt)
        return found

    def _parts(self, longest: int) -> Iterator[bytes]:
        """All bytes of the files, overlapping by what is looked for."""
        for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            if not path.exists():
                continue
            with path.open("rb") as file:
                kept = b""
                while chunk := file.read(_CHUNK):
                    yield kept + chunk
                    kept = chunk[-longest:]

    @contextmanager
    def _secure(self) -> Iterator[None]:
        """What is overwritten or freed meanwhile is overwritten with zeros."""
        self._run("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            self._run("PRAGMA secure_delete = FAST")

    def _run(self, statement: str) -> None:
        try:
            self._db.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be written: {error}") from error


def _spellings(text: str) -> list[bytes]:
    """As it stands in protobuf, and in JSON."""
    return [text.encode(), encode(text)[1:-1].encode()]
