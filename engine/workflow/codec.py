"""The bytes that rules and what comes of them are kept as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.domain import StoredEvent
from engine.workflow.reading import Reading, Recorded
from engine.workflow.rule import Rule, Verdict
from engine.workflow.ticket import Comment, Ticket


class WorkflowCodec(Protocol):
    """Each method gives the payload of one kind of event, or reads what it names."""

    def rule(self, data: bytes) -> Rule:
        """What `rule_bytes` made."""
        ...

    def rule_bytes(self, rule: Rule) -> bytes:
        """All of a rule."""
        ...

    def fired(
        self, rule_id: str, message_id: str, verdicts: Sequence[Verdict], actions: Sequence[str]
    ) -> bytes:
        """That a rule held, why, and what was done."""
        ...

    def ticket(self, ticket: Ticket) -> bytes:
        """That a ticket was opened, or changed: both are told alike."""
        ...

    def commented(self, comment: Comment) -> bytes:
        """That something was said about a ticket."""
        ...

    def deleted(self, ticket_id: str, agent_id: str, reason: str) -> bytes:
        """That a ticket was deleted, by whom and why."""
        ...

    def tagged(self, tags: Sequence[str]) -> bytes:
        """That a conversation has these tags now."""
        ...

    def recorded(self, stored: StoredEvent) -> Recorded:
        """An entry of the journal, as far as rules care."""
        ...

    def reading(self, record: bytes) -> Reading:
        """The message in a record of the journal."""
        ...
