"""A customer's earlier conversations with us."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from engine.customer.fields import MOST_CONTACTS
from engine.customer.profile import Contact, Key, Part
from engine.customer.source import SourceError
from engine.decision_thread import DecisionThread
from engine.domain import Conversation
from engine.errors import StorageError

WAIT: Final = (
    0.05  # seconds for which no answer need be on its way, before the thread is woken for this alone
)
TOGETHER: Final = 32  # customers that are read in one piece, while answers wait


class Conversations(Protocol):
    """What this source needs of a store."""

    def of_customer(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[Conversation]:
        """See `ports.Store`."""
        ...


class HistorySource:
    """See `source.CustomerSource`: reads our own store, of customers who are asked for together at once."""

    name = "history"

    def __init__(self, *, store: Conversations, thread: DecisionThread) -> None:
        self._store = store
        self._thread = thread
        self._asked: list[Key] = []
        self._reading: asyncio.Task[dict[Key, list[Conversation]]] | None = None

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        self._asked.append(key)
        if self._reading is None or len(self._asked) > TOGETHER:
            self._asked = [key]
            self._reading = asyncio.create_task(self._read(self._asked))
        try:
            found = await asyncio.shield(self._reading)
        except StorageError as error:
            raise SourceError(str(error)) from error
        return Part(contacts=tuple(map(_contact, found[key])))

    async def _read(self, asked: list[Key]) -> dict[Key, list[Conversation]]:
        """Of all that are asked for before the loop comes to this."""
        if self._asked is asked:
            self._reading = None
        return await self._thread.run_beside(WAIT, self._of, tuple(asked))

    def _of(self, asked: Sequence[Key]) -> dict[Key, list[Conversation]]:
        return {
            one: self._store.of_customer(one.tenant, one.channel, one.customer_id, MOST_CONTACTS)
            for one in asked
        }

    async def close(self) -> None:
        """See `source.CustomerSource`."""


def _contact(one: Conversation) -> Contact:
    return Contact(
        conversation_id=one.conversation_id,
        about=one.requirement.skill,
        status=one.state,
        opened_ms=one.opened_ms,
    )
