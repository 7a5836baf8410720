"""What is and what was: conversations and their journal, for reading."""

from __future__ import annotations

from engine.bundles.deployment import TIMELINE
from engine.domain import Conversation, ConversationState, StoredEvent
from engine.errors import NotFoundError
from engine.ports import Store


class History:
    """Reads conversations and events."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def conversation(self, tenant: str, conversation_id: str) -> Conversation:
        """As it stands. Raises: NotFoundError."""
        found = self._store.conversations(tenant, [conversation_id]).get(conversation_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        return found

    def conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """Newest first, those opened before `before` (opened_ms, id)."""
        return self._store.list_conversations(tenant, state, before, limit)

    def held(self, tenant: str, agent_id: str) -> list[Conversation]:
        """What is offered to, assigned to or wrapped up by an agent, by id."""
        return self._store.held(tenant, agent_id)

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """The journal after a sequence, in order. Raises: NotFoundError for an unknown conversation."""
        if conversation_id != TIMELINE:
            self.conversation(tenant, conversation_id)
        return self._store.events(tenant, conversation_id, after, limit)

    def last_record(self, tenant: str, conversation_id: str) -> bytes:
        """Journal data of the conversation's last message. Raises: NotFoundError."""
        record = self._store.last_record(tenant, conversation_id)
        if record is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        return record
