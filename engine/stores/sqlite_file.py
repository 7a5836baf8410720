"""The file of the embedded store: opened, locked, and refused where it is not ours."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Literal

from engine.errors import StartError

SCHEMA_VERSION = 2  # 2: the journal in frames
_CHECKPOINT_AFTER = 4000  # pages, 16 MB: what changes again meanwhile is copied into the file once
Sync = Literal["normal", "full"]


def connect(path: Path, sync: Sync) -> sqlite3.Connection:
    """Made if need be, locked for this process. Raises: StartError; then the file is as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _connect(path, sync)
    except (OSError, sqlite3.Error) as error:
        raise StartError(_open_problem(path, error)) from error


def _connect(path: Path, sync: Sync) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check(connection, path)
        _prepare(connection, sync)
    except BaseException:
        connection.close()
        raise
    return connection


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
