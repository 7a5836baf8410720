"""The embedded store: one SQLite file, one writer, one transaction per batch."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from engine.domain import (
    Agent,
    Change,
    Conversation,
    ConversationState,
    Presence,
    Roster,
    StoredEvent,
)
from engine.errors import NotFoundError, StartError, StorageError
from engine.stores import sqlite_rows as rows
from engine.stores.sqlite_assist import SQLiteAssistStore

SCHEMA_VERSION = 1
Sync = Literal["normal", "full"]


class _StaleError(Exception):
    """The change does not follow the stored state."""


def open_store(path: Path, *, sync: Sync) -> SQLiteStore:
    """The store in this file, made if need be, locked for this process.

    With "normal" a commit survives a kill of the process; with "full" also a loss of power, at one disk sync per
    commit. Source: https://sqlite.org/pragma.html#pragma_synchronous. Raises: StartError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SQLiteStore(_connect(path, sync))
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
    if not found and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StartError(_foreign(path))


def _prepare(connection: sqlite3.Connection, sync: Sync) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {sync.upper()}")
    # A write takes the lock now, so that a second engine fails here and not at its first message.
    connection.executescript(f"BEGIN IMMEDIATE;{_schema()}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")


def _schema() -> str:
    scripts = ("sqlite.sql", "sqlite_assist.sql")
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


class SQLiteStore:
    """See `ports.Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.assist = SQLiteAssistStore(connection)
        self._rosters: dict[str, Roster] = {}  # this process is the only writer, so memory can be trusted

    def close(self) -> None:
        """Give up the file and its lock."""
        self._db.close()

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `ports.Store`."""
        wanted = rows.padded(keys)
        found = self._read(
            f"SELECT key, data FROM journal WHERE tenant = ? AND key IN ({rows.marks('?', wanted)})",
            tenant,
            *wanted,
        )
        return dict(found)

    def conversations(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """See `ports.Store`."""
        wanted = rows.padded(conversation_ids)
        found = self._read(
            f"SELECT {rows.CONVERSATION} FROM conversations WHERE tenant = ?"
            f" AND conversation_id IN ({rows.marks('?', wanted)})",
            tenant,
            *wanted,
        )
        return {row[0]: rows.conversation(row) for row in found}

    def open_conversations(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """See `ports.Store`."""
        if not customers:
            return {}
        wanted = rows.padded(customers)
        # Without statistics the planner would read every conversation of the tenant.
        found = self._read(
            f"WITH wanted (a_channel, a_customer) AS (VALUES {rows.marks('(?, ?)', wanted)})"
            f" SELECT {rows.CONVERSATION} FROM wanted CROSS JOIN conversations"
            " INDEXED BY conversations_open ON tenant = ? AND channel = a_channel AND customer_id = a_customer"
            " AND state != 'closed' ORDER BY opened_ms, conversation_id",
            *itertools.chain.from_iterable(wanted),
            tenant,
        )
        newest_last = map(rows.conversation, found)
        return {(one.channel, one.customer_id): one for one in newest_last}

    def waiting(self, tenant: str, skill: str, limit: int) -> list[Conversation]:
        """See `ports.Store`."""
        found = self._read(
            f"SELECT {rows.CONVERSATION} FROM conversations WHERE tenant = ? AND state = 'waiting'"
            " AND skill = ? ORDER BY queued_ms, conversation_id LIMIT ?",
            tenant,
            skill,
            limit,
        )
        return [rows.conversation(row) for row in found]

    def list_conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """See `ports.Store`."""
        # Only the conditions that apply, so that the index gives where a page begins.
        found = self._read(
            f"SELECT {rows.CONVERSATION} FROM conversations WHERE tenant = ?"
            f"{' AND state = ?' if state else ''}"
            f"{' AND (opened_ms, conversation_id) < (?, ?)' if before else ''}"
            " ORDER BY opened_ms DESC, conversation_id DESC LIMIT ?",
            tenant,
            *([state] if state else []),
            *(before or []),
            limit,
        )
        return [rows.conversation(row) for row in found]

    def roster(self, tenant: str) -> Roster:
        """See `ports.Store`."""
        if tenant not in self._rosters:
            found = self._read(
                f"SELECT {rows.AGENT}, load FROM agents WHERE tenant = ? ORDER BY agent_id", tenant
            )
            self._rosters[tenant] = Roster(
                agents={row[0]: rows.agent(row) for row in found},
                loads={row[0]: row[-1] for row in found},
            )
        return self._rosters[tenant]

    def put_agent(self, tenant: str, agent: Agent) -> None:
        """See `ports.Store`."""
        with self._write():
            self._db.execute(
                "INSERT INTO agents (tenant, agent_id, name, skills, languages, capacity, presence)"
                " VALUES (?, ?, ?, ?, ?, ?, 'offline') ON CONFLICT DO UPDATE SET name = excluded.name,"
                " skills = excluded.skills, languages = excluded.languages, capacity = excluded.capacity",
                (tenant, *rows.agent_values(agent)),
            )
        self._rosters.pop(tenant, None)

    def set_presence(self, tenant: str, agent_id: str, presence: Presence) -> None:
        """See `ports.Store`."""
        with self._write():
            done = self._db.execute(
                "UPDATE agents SET presence = ? WHERE tenant = ? AND agent_id = ?",
                (presence, tenant, agent_id),
            )
            if not done.rowcount:
                raise NotFoundError(f"tenant {tenant} has no agent {agent_id}")
        self._rosters.pop(tenant, None)

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        with self._write():
            done = [self._commit_one(change) for change in changes]
        for change, committed in zip(changes, done, strict=True):
            if committed and change.claims:
                self._move_loads(change)
        return done

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        found = self._read(
            "SELECT sequence, conversation_id, kind, time_ms, data, key FROM journal"
            " WHERE tenant = ? AND conversation_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            tenant,
            conversation_id,
            after,
            limit,
        )
        return [rows.stored_event(row) for row in found]

    def last_record(self, tenant: str, conversation_id: str) -> bytes | None:
        """See `ports.Store`."""
        found = self._read(
            "SELECT data FROM journal WHERE tenant = ? AND conversation_id = ? AND key IS NOT NULL"
            " ORDER BY sequence DESC LIMIT 1",
            tenant,
            conversation_id,
        )
        data: bytes | None = found[0][0] if found else None
        return data

    def _commit_one(self, change: Change) -> bool:
        """Write one change; undo it alone where it is stale."""
        self._db.execute("SAVEPOINT change")
        try:
            self._write_conversations(change)
            self._write_claims(change)
            self._write_events(change)
        except (_StaleError, sqlite3.IntegrityError):
            self._db.execute("ROLLBACK TO change")
            self._db.execute("RELEASE change")
            return False
        self._db.execute("RELEASE change")
        return True

    def _write_conversations(self, change: Change) -> None:
        new = [one for one in change.conversations if one.version == 1]
        known = [one for one in change.conversations if one.version > 1]
        self._db.executemany(
            rows.INSERT_CONVERSATION, [rows.conversation_values(change.tenant, one) for one in new]
        )
        done = self._db.executemany(
            rows.UPDATE_CONVERSATION, [rows.conversation_values(change.tenant, one) for one in known]
        )
        if known and done.rowcount != len(known):
            raise _StaleError

    def _write_claims(self, change: Change) -> None:
        for agent_id, places in change.claims.items():
            done = self._db.execute(
                "UPDATE agents SET load = max(load + ?1, 0) WHERE tenant = ?2 AND agent_id = ?3"
                " AND (?1 < 0 OR load + ?1 <= capacity)",
                (places, change.tenant, agent_id),
            )
            if places > 0 and not done.rowcount:
                raise _StaleError

    def _write_events(self, change: Change) -> None:
        self._db.executemany(
            "INSERT INTO journal (tenant, conversation_id, kind, time_ms, key, data) VALUES (?, ?, ?, ?, ?, ?)",
            [rows.event_values(change.tenant, event) for event in change.events],
        )

    def _move_loads(self, change: Change) -> None:
        if (roster := self._rosters.get(change.tenant)) is None:
            return  # whoever asks next reads the loads as they were just written
        loads = dict(roster.loads)
        for agent_id, places in change.claims.items():
            if agent_id in loads:
                loads[agent_id] = max(loads[agent_id] + places, 0)
        self._rosters[change.tenant] = replace(roster, loads=loads)

    def _read(self, statement: str, *values: object) -> list[rows.Row]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be read: {error}") from error

    @contextmanager
    def _write(self) -> Iterator[None]:
        """One transaction: kept when the block ends, undone when it raises."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be written: {error}") from error
