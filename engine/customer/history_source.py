"""A customer's earlier conversations with us."""

from __future__ import annotations

from typing import Protocol

from engine.customer.fields import MOST_CONTACTS
from engine.customer.profile import Contact, Key, Part
from engine.customer.source import SourceError
from engine.decision_thread import DecisionThread
from engine.domain import Conversation
from engine.errors import StorageError


class Conversations(Protocol):
    """What this source needs of a store."""

    def of_customer(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[Conversation]:
        """See `ports.Store`."""
        ...


class HistorySource:
    """See `source.CustomerSource`: reads our own store."""

    name = "history"

    def __init__(self, *, store: Conversations, thread: DecisionThread) -> None:
        self._store = store
        self._thread = thread

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        try:
            found = await self._thread.run(
                self._store.of_customer, key.tenant, key.channel, key.customer_id, MOST_CONTACTS
            )
        except StorageError as error:
            raise SourceError(str(error)) from error
        return Part(contacts=tuple(map(_contact, found)))

    async def close(self) -> None:
        """See `source.CustomerSource`."""


def _contact(one: Conversation) -> Contact:
    return Contact(
        conversation_id=one.conversation_id,
        about=one.requirement.skill,
        status=one.state,
        opened_ms=one.opened_ms,
    )
