"""Takes texts out of the embedded store, so that no byte of them is left in its files."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from engine.errors import StorageError
from engine.stores.detail import spellings
from engine.stores.sqlite_journal import SQLiteJournal
from engine.stores.sqlite_pruning import SQLitePruning

_CHUNK = 1 << 20  # bytes of a file that are looked through at once
_ATTEMPTS = 500  # to empty the log, while what is in it is being copied
_PAUSE = 0.01  # seconds between two


class SQLiteArchive:
    """See `timeline.archive.Archive`. Shares the store's connection, and its one thread, but for `holds`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        journal: SQLiteJournal,
        pruning: SQLitePruning,
        write: Callable[[], AbstractContextManager[None]],
        catch_up: Callable[[], None],
    ) -> None:
        self.prune = pruning.prune
        self._db = connection
        self._journal = journal
        self._write = write
        self._catch_up = catch_up
        self._path = Path(connection.execute("PRAGMA database_list").fetchone()[2])

    def rewrite(self, tenant: str, payloads: Mapping[int, bytes]) -> None:
        """See `timeline.archive.Archive`."""
        self._catch_up()  # so that nothing needs any longer what the frames hold besides
        with self._write():
            self._journal.rewrite(tenant, payloads)

    def drop_comments(self, tenant: str, ticket_ids: Collection[str]) -> None:
        """See `timeline.archive.Archive`."""
        with self._write():
            self._db.executemany(
                "DELETE FROM comments WHERE tenant = ? AND ticket_id = ?",
                [(tenant, one) for one in ticket_ids],
            )

    def receipts(self, tenant: str, place: str, limit: int) -> tuple[Mapping[str, bytes], str]:
        """See `timeline.archive.Archive`."""
        found = self._run(
            "SELECT request_id, receipt FROM answered WHERE tenant = ? AND request_id > ?"
            " ORDER BY request_id LIMIT ?",
            tenant,
            place,
            limit,
        )
        return dict(found), found[-1][0] if len(found) == limit else ""

    def put_receipt(self, tenant: str, request_id: str, data: bytes) -> None:
        """See `timeline.archive.Archive`."""
        with self._write():
            self._db.execute(
                "UPDATE answered SET receipt = ? WHERE tenant = ? AND request_id = ?",
                (data, tenant, request_id),
            )

    def settle(self) -> None:
        """See `timeline.archive.Archive`: the log is copied into the file and emptied."""
        for _ in range(_ATTEMPTS):
            (is_busy, _, _) = self._run("PRAGMA wal_checkpoint(TRUNCATE)")[0]
            if not is_busy:
                return
            time.sleep(_PAUSE)
        raise StorageError("the store's log cannot be emptied: something else reads the file")

    def compact(self) -> None:
        """See `timeline.archive.Archive`."""
        self._run("VACUUM")
        self.settle()

    def rewrite_files(self) -> list[str]:
        """See `timeline.archive.Archive`: there are none but the store's own, which hold nothing any more."""
        return []

    def holds(self, tenant: str, texts: Sequence[str]) -> list[bool]:
        """See `timeline.archive.Archive`."""
        needles = [spellings(text) for text in texts]
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

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be used: {error}") from error
