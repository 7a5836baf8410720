"""The file of the embedded store: opened, locked, and refused where it is not ours."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

from engine.errors import StartError
from engine.stores.sqlite_log import LogCopier

SCHEMA_VERSION = 2  # 2: the journal in frames
_CHECKPOINT_AFTER = (
    16_000  # pages, 64 MB: then a commit copies what `LogCopier` has left, so that the log begins anew
)
Sync = Literal["normal", "full"]


class Connection(sqlite3.Connection):
    """The only one that writes the file."""

    belongings: ExitStack  # what is given up with it

    def close(self) -> None:
        """Give up the file, its lock last."""
        self.belongings.close()


def connect(path: Path, sync: Sync) -> Connection:
    """Made if need be, locked for this process. Raises: StartError; then the file is as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _connect(path, sync)
    except (OSError, sqlite3.Error) as error:
        raise StartError(_open_problem(path, error)) from error


def _connect(path: Path, sync: Sync) -> Connection:
    with ExitStack() as stack:
        stack.enter_context(_locked(path))
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=1.0, factory=Connection
        )
        stack.callback(sqlite3.Connection.close, connection)
        _check(connection, path)
        _prepare(connection, sync)
        stack.enter_context(closing(LogCopier(path, sync)))
        connection.belongings = stack.pop_all()
        return connection


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other engines away from the file. A lock of SQLite's own would keep `LogCopier` away too."""
    with path.with_name(f"{path.name}-lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OSError("it is locked") from error
        yield


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Before anything is written, that the file is new or ours. Raises: StartError."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > SCHEMA_VERSION:
        raise StartError(
            f"{path} was written by a newer release (schema {found}, this one knows {SCHEMA_VERSION}): "
            "upgrade Yingda, or name another --data-dir"
        )
    if 0 < found < SCHEMA_VERSION:
        raise StartError(
            f"{path} was written before the first release (schema {found}, this one knows {SCHEMA_VERSION}): "
            "name another --data-dir, or move the file away"
        )
    if not found and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StartError(_foreign(path))


def _prepare(connection: sqlite3.Connection, sync: Sync) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_AFTER}")
    connection.execute(
        "PRAGMA secure_delete = ON"
    )  # zeros over what is deleted, also in pages that become free
    connection.execute(f"PRAGMA synchronous = {sync.upper()}")
    # A write takes the lock now, so that a second engine fails here and not at its first message.
    connection.executescript(f"BEGIN IMMEDIATE;{_schema()}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")


def _schema() -> str:
    scripts = ("sqlite.sql", "sqlite_assist.sql", "sqlite_workflow.sql", "sqlite_bots.sql")
    return "".join(files("engine.stores").joinpath(name).read_text(encoding="utf-8") for name in scripts)


def _open_problem(path: Path, error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path} is in use by another engine: stop that one, or name another --data-dir"
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in text:
        return _foreign(path)
    return f"cannot open {path} ({text}): name a --data-dir that this user can write"


def _foreign(path: Path) -> str:
    return f"{path} is not a Yingda database: name another --data-dir, or move the file away"
