"""The embedded store: one SQLite file, one writer, one transaction per batch."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine import roster as rosters
from engine.domain import (
    Agent,
    Change,
    Conversation,
    ConversationState,
    Event,
    Presence,
    Roster,
    StoredEvent,
)
from engine.errors import NotFoundError, StorageError
from engine.stores import sqlite_file, sqlite_workflow
from engine.stores import sqlite_rows as rows
from engine.stores.detail import agent_profile
from engine.stores.sqlite_archive import SQLiteArchive
from engine.stores.sqlite_assist import SQLiteAssistStore
from engine.stores.sqlite_births import is_plain
from engine.stores.sqlite_bots import SQLiteBotStore
from engine.stores.sqlite_conversations import Conversations, Following, StaleError
from engine.stores.sqlite_file import Sync
from engine.stores.sqlite_journal import SQLiteJournal
from engine.stores.sqlite_pruning import SQLitePruning
from engine.stores.sqlite_queues import Queues
from engine.stores.sqlite_workflow import SQLiteWorkflowStore

_MOST_DUE = 1000  # conversations; whoever did these asks again

_CLAIM = (
    "UPDATE agents SET load = max(load + ?1, 0) WHERE tenant = ?2 AND agent_id = ?3"
    " AND (?1 < 0 OR load + ?1 <= capacity)"
)


def open_store(path: Path, *, sync: Sync) -> SQLiteStore:
    """The store in this file, made if need be, locked for this process.

    With "normal" a commit survives a kill of the process; with "full" also a loss of power, at one disk sync per
    commit. Source: https://sqlite.org/pragma.html#pragma_synchronous. Raises: StartError.
    """
    return SQLiteStore(sqlite_file.connect(path, sync))


class SQLiteStore:
    """See `ports.Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._listeners: list[Callable[[str, Sequence[Conversation]], None]] = []
        self._journal = SQLiteJournal(connection)
        self._conversations = Conversations(connection)
        self._conversations.learn(self._journal.lacking)
        self._queues = Queues(connection, self._conversations, self._journal)
        self.assist = SQLiteAssistStore(connection, self._journal)
        self.workflow = SQLiteWorkflowStore(connection)
        self.bots = SQLiteBotStore(connection, self._journal)
        pruning = SQLitePruning(connection, self._journal, self._conversations, self._write, self._catch_up)
        self.archive = SQLiteArchive(connection, self._journal, pruning, self._write, self._catch_up)
        self._rosters: dict[str, Roster] = {}  # this process is the only writer, so memory can be trusted

    def close(self) -> None:
        """Give up the file and its lock."""
        # Where this fails nothing is lost: whoever opens the file reads a little more.
        with contextlib.suppress(StorageError, sqlite3.Error):
            self._catch_up()
        self._db.close()

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `ports.Store`."""
        with self._reading():
            return self._journal.records(tenant, keys)

    def conversations(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """See `ports.Store`."""
        with self._reading():
            return self._conversations.by_id(tenant, conversation_ids)

    def open_conversations(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """See `ports.Store`."""
        with self._reading():
            return self._conversations.newest_open(tenant, customers)

    def waiting(self, tenant: str, queues: Mapping[str, int]) -> list[Conversation]:
        """See `ports.Store`."""
        if not queues:
            return []
        with self._reading():
            return self._queues.waiting(tenant, queues)

    def held(self, tenant: str, agent_id: str) -> list[Conversation]:
        """See `ports.Store`."""
        self._bear()
        found = self._read(
            f"SELECT {rows.CONVERSATION} FROM conversations INDEXED BY conversations_held"
            " WHERE tenant = ? AND agent_id = ? AND agent_id != '' ORDER BY conversation_id",
            tenant,
            agent_id,
        )
        return self._conversations.read(tenant, found)

    def due(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.Store`."""
        return self._read(
            "SELECT tenant, conversation_id FROM conversations WHERE due_ms > 0 AND due_ms <= ? ORDER BY due_ms"
            " LIMIT ?",
            now_ms,
            _MOST_DUE,
        )

    def lapsed(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.Store`."""
        return self._read(
            "SELECT tenant, agent_id FROM agents WHERE lease_ms > 0 AND lease_ms <= ? AND presence != 'offline'",
            now_ms,
        )

    def next_due_ms(self) -> int | None:
        """See `ports.Store`."""
        found = self._read(
            "SELECT min(moment) FROM (SELECT min(due_ms) AS moment FROM conversations WHERE due_ms > 0"
            " UNION ALL SELECT min(lease_ms) FROM agents WHERE lease_ms > 0 AND presence != 'offline')"
        )
        moment: int | None = found[0][0]
        return moment

    def list_conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """See `ports.Store`."""
        self._bear()
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
        return self._conversations.read(tenant, found)

    def of_customer(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[Conversation]:
        """See `ports.Store`."""
        with self._reading():
            return self._conversations.of_customer((tenant, channel, customer_id), limit)

    def roster(self, tenant: str) -> Roster:
        """See `ports.Store`."""
        if tenant not in self._rosters:
            found = self._read(
                "SELECT agent_id, profile, capacity, presence, lease_ms, load, streak FROM agents"
                " WHERE tenant = ? ORDER BY agent_id",
                tenant,
            )
            _, _, _, presences, leases, load, streak = zip(*found, strict=True) if found else ((),) * 7
            self._rosters[tenant] = rosters.make(
                [rows.agent(row) for row in found],
                presences=[Presence(one) for one in presences],
                leases=leases,
                load=load,
                streak=streak,
            )
        return self._rosters[tenant]

    def mark(self, tenant: str) -> str | None:
        """See `ports.Store`."""
        return None  # this process is the only writer, so nothing happens between a decision and its commit

    def put_agent(self, tenant: str, agent: Agent, event: Event | None = None) -> int:
        """See `ports.Store`."""
        with self._journaling():
            self._db.execute(
                "INSERT INTO agents (tenant, agent_id, profile, capacity, presence, lease_ms)"
                " VALUES (?, ?, ?, ?, 'offline', 0)"
                " ON CONFLICT DO UPDATE SET profile = excluded.profile, capacity = excluded.capacity",
                (tenant, agent.agent_id, agent_profile(agent), agent.capacity),
            )
            sequence = self._journal.append(tenant, [event] if event else [])
        if tenant in self._rosters:
            self._rosters[tenant] = rosters.with_agent(self._rosters[tenant], agent)
        return sequence

    def set_presence(
        self, tenant: str, agent_id: str, presence: Presence, lease_ms: int = 0, event: Event | None = None
    ) -> int:
        """See `ports.Store`."""
        with self._journaling():
            done = self._db.execute(
                "UPDATE agents SET presence = ?, lease_ms = ? WHERE tenant = ? AND agent_id = ?",
                (presence, lease_ms, tenant, agent_id),
            )
            if not done.rowcount:
                raise NotFoundError(f"tenant {tenant} has no agent {agent_id}")
            sequence = self._journal.append(tenant, [event] if event else [])
        if tenant in self._rosters:
            rosters.set_presence(self._rosters[tenant], agent_id, presence, lease_ms)
        return sequence

    def renew(self, tenant: str, agent_id: str, lease_ms: int) -> None:
        """See `ports.Store`."""
        roster = self.roster(tenant)
        if (row := roster.rows.get(agent_id)) is None:
            raise NotFoundError(f"tenant {tenant} has no agent {agent_id}")
        if roster.presences[row] is not Presence.OFFLINE:
            self.set_presence(tenant, agent_id, roster.presences[row], lease_ms)

    def lapse(self, tenant: str, agent_id: str, now_ms: int, event: Event | None = None) -> int | None:
        """See `ports.Store`."""
        roster = self.roster(tenant)
        row = roster.rows.get(agent_id)
        if row is None or roster.presences[row] is Presence.OFFLINE or not 0 < roster.leases[row] <= now_ms:
            return None
        return self.set_presence(tenant, agent_id, Presence.OFFLINE, event=event)

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        with self._journaling():
            if (
                len(changes) == 1
            ):  # all there is to undo; a savepoint would have every page kept that it changes
                done = [self._commit_one(changes[0], ("ROLLBACK", "BEGIN IMMEDIATE"))]
            else:
                done = [self._commit_beside(change) for change in changes]
        for change, committed in zip(changes, done, strict=True):
            if committed:
                self._follow(change)
        return done

    def subscribe(self, listener: Callable[[str, Sequence[Conversation]], None]) -> None:
        """See `ports.Store`."""
        self._listeners.append(listener)

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        with self._reading():
            return self._journal.events(tenant, conversation_id, after, limit)

    def latest_events(self, tenant: str, conversation_id: str, kind: str, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        with self._reading():
            return self._journal.latest(tenant, conversation_id, kind, limit)

    def last_record(self, tenant: str, conversation_id: str) -> bytes | None:
        """See `ports.Store`."""
        with self._reading():
            found = self._journal.recent_records(tenant, conversation_id, 1)
        return found[0] if found else None

    def _commit_beside(self, change: Change) -> bool:
        """Write one of several changes; undo it alone where it is stale."""
        self._db.execute("SAVEPOINT change")
        done = self._commit_one(change, ("ROLLBACK TO change",))
        self._db.execute("RELEASE change")
        return done

    def _commit_one(self, change: Change, undo: Sequence[str]) -> bool:
        """Write one change; undo it by these statements where it is stale."""
        self._journal.begin()
        self._conversations.begin()
        try:
            following = _following(change)
            self._conversations.write(change.tenant, following, change.alone)
            self._write_claims(change)
            self._journal.append(change.tenant, change.events, following.kept, following.born)
            if change.follow_up:
                sqlite_workflow.write(self._db, change.tenant, change.follow_up)
        except (StaleError, sqlite3.IntegrityError):
            self._journal.undo()
            self._conversations.undo()
            for statement in undo:
                self._db.execute(statement)
            return False
        return True

    def _bear(self) -> None:
        """Write the rows that there are not yet."""
        if self._conversations.has_unborn:
            with self._whole(), self._write():
                self._conversations.bear()

    def _write_claims(self, change: Change) -> None:
        claims = [(places, change.tenant, agent_id) for agent_id, places in change.claims.items()]
        taken = [one for one in claims if one[0] > 0]
        if taken and self._db.executemany(_CLAIM, taken).rowcount != len(taken):
            raise StaleError
        rows.write(self._db, _CLAIM, [one for one in claims if one[0] <= 0])
        rows.write(
            self._db,
            "UPDATE agents SET streak = ? WHERE tenant = ? AND agent_id = ?",
            [(count, change.tenant, agent_id) for agent_id, count in change.streaks.items()],
        )

    def _follow(self, change: Change) -> None:
        """Keep the roster's columns as they were committed, and tell who listens."""
        if change.tenant in self._rosters:
            rosters.follow(self._rosters[change.tenant], change.claims, change.streaks)
        changed = [*change.conversations, *change.kept]
        for listener in self._listeners if changed else ():
            listener(change.tenant, changed)

    def _catch_up(self) -> None:
        """Let no row lag."""
        with self._whole(), self._write():
            self._conversations.catch_up(self._journal.settle_all())

    def _read(self, statement: str, *values: object) -> list[rows.Row]:
        with self._reading():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"the store cannot be read: {error}") from error

    @contextmanager
    def _journaling(self) -> Iterator[None]:
        """The same, where it may append to the journal."""
        with self._whole(), self._write():
            yield
            self._conversations.catch_up(self._journal.settle())

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Around a transaction: what is in memory becomes true with it, or is forgotten."""
        try:
            yield
        except BaseException:
            self._journal.forget()
            self._conversations.forget()
            raise
        self._journal.committed()
        self._conversations.committed()

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


def _following(change: Change) -> Following:
    """What of the conversations may be written later, since the journal's frame tells of it."""
    times = {one.conversation_id: one.time_ms for one in change.events}
    changed = [one for one in change.kept if one.conversation_id not in times]
    kept = [one for one in change.kept if one.conversation_id in times] if changed else change.kept
    born: list[Conversation] = []
    for one in change.conversations:
        is_later = is_plain(one, times.get(one.conversation_id, -1))
        (born if is_later else changed).append(one)
    return Following(changed, kept, born)
