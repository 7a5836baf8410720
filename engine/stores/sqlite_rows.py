"""Rows of the embedded store to values and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from engine.domain import Agent, Conversation, ConversationState
from engine.stores import detail

T = TypeVar("T")
Row = tuple[Any, ...]  # as sqlite3 gives them; the schema is STRICT

CONVERSATION = (
    "conversation_id, channel, customer_id, state, agent_id, opened_ms, updated_ms, due_ms, version, detail"
)
INSERT_CONVERSATION = (
    f"INSERT INTO conversations (tenant, {CONVERSATION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# An index is written anew for every column that is named, whether it changes or not.
UPDATE_CONVERSATION = (
    "UPDATE conversations SET state = ?5, agent_id = ?6, updated_ms = ?8, due_ms = ?9, version = ?10, detail = ?11"
    " WHERE tenant = ?1 AND conversation_id = ?2"
)
UPDATE_CUSTOMER = (
    "UPDATE conversations SET channel = ?3, customer_id = ?4, opened_ms = ?7"
    " WHERE tenant = ?1 AND conversation_id = ?2"
)
CATCH_UP_CONVERSATION = (
    "UPDATE conversations SET updated_ms = ?3, version = ?4, detail = ?5"
    " WHERE tenant = ?1 AND conversation_id = ?2"
)


class Pulse(NamedTuple):
    """What a message changes of a conversation that stays with its agent."""

    version: int
    updated_ms: int
    anger: float
    is_angry: bool


def padded(values: Sequence[T]) -> list[T]:
    """The values, the last one repeated up to a power of two, so that few statements need to be prepared."""
    size = 1 << (len(values) - 1).bit_length()
    return [*values, *list(values[-1:]) * (size - len(values))]


def marks(mark: str, values: Sequence[object]) -> str:
    """A mark for each value."""
    return ", ".join([mark] * len(values))


def write(db: sqlite3.Connection, statement: str, values: Sequence[Row]) -> None:
    """Once for each row of values; for none SQLite would prepare the statement all the same."""
    if values:
        db.executemany(statement, values)


def agent(row: Row) -> Agent:
    """From id, profile and capacity; more may follow."""
    return Agent(agent_id=row[0], capacity=row[2], **detail.agent_fields(row[1]))


def conversation(row: Row) -> Conversation:
    """From the CONVERSATION columns."""
    return Conversation(
        conversation_id=row[0],
        channel=row[1],
        customer_id=row[2],
        state=ConversationState(row[3]),
        agent_id=row[4],
        opened_ms=row[5],
        updated_ms=row[6],
        due_ms=row[7],
        version=row[8],
        **detail.conversation_fields(row[9]),
    )


def conversation_values(tenant: str, one: Conversation) -> Row:
    """The tenant and the CONVERSATION columns."""
    return (
        tenant,
        one.conversation_id,
        one.channel,
        one.customer_id,
        one.state,
        one.agent_id,
        one.opened_ms,
        one.updated_ms,
        one.due_ms,
        one.version,
        detail.conversation_detail(one),
    )


def lagging_values(tenant: str, one: Conversation) -> Row:
    """What CATCH_UP_CONVERSATION takes."""
    return tenant, one.conversation_id, one.updated_ms, one.version, detail.conversation_detail(one)
