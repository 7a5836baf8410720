"""What rules, tickets and the outbox keep in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.errors import StorageError
from engine.ports import RECEIPTS_KEPT
from engine.stores import detail_workflow as detail
from engine.stores.sqlite_rows import marks, padded
from engine.workflow.outbox import Delivery, DeliveryState, Firing, FollowUp
from engine.workflow.ticket import Comment, Ticket, TicketFilter

_DELIVERY = "delivery_id, webhook, kind, state, attempts, due_ms, created_ms, error, body"
_PUT_DELIVERY = f"INSERT OR REPLACE INTO outbox (tenant, {_DELIVERY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REPLACE_DELIVERY = (
    "UPDATE outbox SET webhook = ?3, kind = ?4, state = ?5, attempts = ?6, due_ms = ?7, created_ms = ?8, error = ?9,"
    " body = ?10 WHERE tenant = ?1 AND delivery_id = ?2"
)
_FIRST = "INSERT INTO firings (fired_ms, tenant, conversation_id, rule_id) SELECT ?1, ?2, ?3, ?4 WHERE ?5 = 0"
_AGAIN = (
    "UPDATE firings SET fired_ms = ?1 WHERE tenant = ?2 AND conversation_id = ?3 AND rule_id = ?4"
    " AND fired_ms = ?5"
)
_OPEN_TICKET = "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP_TICKET = "DELETE FROM tickets WHERE tenant = ? AND ticket_id = ?"
_CHANGE_TICKET = (
    "UPDATE tickets SET state = ?3, assignee_id = ?4, conversation_id = ?5, opened_ms = ?6, due_ms = ?7,"
    " version = ?8, detail = ?9 WHERE tenant = ?1 AND ticket_id = ?2 AND version = ?8 - 1"
)


def write(db: sqlite3.Connection, tenant: str, follow_up: FollowUp) -> None:
    """Within the caller's transaction. Raises: sqlite3.IntegrityError where it is stale."""
    for firing in follow_up.firings:
        _write_firing(db, tenant, firing)
    for ticket in follow_up.tickets:
        statement = _OPEN_TICKET if ticket.version == 1 else _CHANGE_TICKET
        _must_write(db.execute(statement, _ticket_values(tenant, ticket)))
    for dropped in follow_up.dropped:
        named = (tenant, dropped.ticket_id)
        _must_write(db.execute(f"{_DROP_TICKET} AND version = ?", (*named, dropped.version)))
        db.execute("DELETE FROM comments WHERE tenant = ? AND ticket_id = ?", named)
    db.executemany(
        "INSERT INTO comments VALUES (?, ?, ?, ?)",
        [(tenant, one.ticket_id, one.number, detail.comment_text(one)) for one in follow_up.comments],
    )
    db.executemany(_PUT_DELIVERY, [_delivery_values(tenant, one) for one in follow_up.deliveries])
    if receipt := follow_up.receipt:
        oldest_ms = receipt.time_ms - RECEIPTS_KEPT * 1000
        db.execute("DELETE FROM answered WHERE tenant = ? AND time_ms < ?", (tenant, oldest_ms))
        values = (tenant, receipt.request_id, receipt.data, receipt.time_ms)
        db.execute("INSERT INTO answered VALUES (?, ?, ?, ?)", values)


def _write_firing(db: sqlite3.Connection, tenant: str, one: Firing) -> None:
    statement = _AGAIN if one.before_ms else _FIRST
    _must_write(
        db.execute(statement, (one.fired_ms, tenant, one.conversation_id, one.rule_id, one.before_ms))
    )


def _must_write(done: sqlite3.Cursor) -> None:
    if not done.rowcount:
        raise sqlite3.IntegrityError("stale")


class SQLiteWorkflowStore:
    """See `ports.WorkflowStore`. Shares the store's connection, and its one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def fired(self, tenant: str, conversation_ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """See `ports.WorkflowStore`."""
        if not conversation_ids:
            return {}
        wanted = padded(conversation_ids)
        found = self._read(
            "SELECT conversation_id, rule_id, fired_ms FROM firings WHERE tenant = ?"
            f" AND conversation_id IN ({marks('?', wanted)})",
            tenant,
            *wanted,
        )
        return {(conversation_id, rule_id): fired_ms for conversation_id, rule_id, fired_ms in found}

    def ticket(self, tenant: str, ticket_id: str) -> Ticket | None:
        """See `ports.WorkflowStore`."""
        found = self._read("SELECT detail FROM tickets WHERE tenant = ? AND ticket_id = ?", tenant, ticket_id)
        return detail.ticket(found[0][0]) if found else None

    def tickets(
        self, tenant: str, wanted: TicketFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Ticket]:
        """See `ports.WorkflowStore`."""
        conditions = {
            "state = ?": wanted.state,
            "assignee_id = ?": wanted.assignee_id,
            "conversation_id != '' AND conversation_id = ?": wanted.conversation_id,
            "state IN ('open', 'pending') AND due_ms > 0 AND due_ms <= ?": wanted.overdue_ms,
        }
        applying = {text: value for text, value in conditions.items() if value}
        found = self._read(
            f"SELECT detail FROM tickets WHERE tenant = ?{''.join(f' AND {text}' for text in applying)}"
            f"{' AND (opened_ms, ticket_id) < (?, ?)' if before else ''}"
            " ORDER BY opened_ms DESC, ticket_id DESC LIMIT ?",
            tenant,
            *applying.values(),
            *(before or ()),
            limit,
        )
        return [detail.ticket(text) for (text,) in found]

    def comments(self, tenant: str, ticket_id: str, after: int, limit: int) -> list[Comment]:
        """See `ports.WorkflowStore`."""
        found = self._read(
            "SELECT detail FROM comments WHERE tenant = ? AND ticket_id = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            tenant,
            ticket_id,
            after,
            limit,
        )
        return [detail.comment(text) for (text,) in found]

    def answered(self, tenant: str, request_id: str) -> bytes | None:
        """See `ports.WorkflowStore`."""
        found = self._read(
            "SELECT receipt FROM answered WHERE tenant = ? AND request_id = ?", tenant, request_id
        )
        data: bytes | None = found[0][0] if found else None
        return data

    def deliveries(
        self, tenant: str, state: DeliveryState | None, after: tuple[int, str], limit: int
    ) -> list[Delivery]:
        """See `ports.WorkflowStore`."""
        found = self._read(
            f"SELECT {_DELIVERY} FROM outbox WHERE tenant = ? AND (created_ms, delivery_id) > (?, ?)"
            f"{' AND state = ?' if state else ''} ORDER BY created_ms, delivery_id LIMIT ?",
            tenant,
            *after,
            *([state] if state else []),
            limit,
        )
        return [_delivery(row) for row in found]

    def claim_deliveries(self, now_ms: int, until_ms: int, limit: int) -> list[tuple[str, Delivery]]:
        """See `ports.WorkflowStore`."""
        found = self._read(
            f"SELECT tenant, {_DELIVERY} FROM outbox WHERE state = 'pending' AND due_ms <= ?"
            " ORDER BY due_ms, delivery_id LIMIT ?",
            now_ms,
            limit,
        )
        if found:
            with self._write():
                self._db.executemany(
                    "UPDATE outbox SET due_ms = ? WHERE tenant = ? AND delivery_id = ?",
                    [(until_ms, row[0], row[1]) for row in found],
                )
        return [(row[0], _delivery(row[1:])) for row in found]

    def put_delivery(self, tenant: str, delivery: Delivery) -> None:
        """See `ports.WorkflowStore`."""
        with self._write():
            self._db.execute(_REPLACE_DELIVERY, _delivery_values(tenant, delivery))

    def finish_delivery(self, tenant: str, delivery_id: str) -> None:
        """See `ports.WorkflowStore`."""
        with self._write():
            self._db.execute("DELETE FROM outbox WHERE tenant = ? AND delivery_id = ?", (tenant, delivery_id))

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


def _ticket_values(tenant: str, one: Ticket) -> tuple[object, ...]:
    return (
        tenant,
        one.ticket_id,
        one.state,
        one.assignee_id,
        one.conversation_id,
        one.opened_ms,
        one.due_ms,
        one.version,
        detail.ticket_text(one),
    )


def _delivery_values(tenant: str, one: Delivery) -> tuple[object, ...]:
    return (
        tenant,
        one.delivery_id,
        one.webhook,
        one.kind,
        one.state,
        one.attempts,
        one.due_ms,
        one.created_ms,
        one.error,
        one.body,
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    return Delivery(
        delivery_id=row[0],
        webhook=row[1],
        kind=row[2],
        state=DeliveryState(row[3]),
        attempts=row[4],
        due_ms=row[5],
        created_ms=row[6],
        error=row[7],
        body=row[8],
    )
