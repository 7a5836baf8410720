"""Tickets: what has to be done after a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Source: Crockford's base 32, which nobody misreads aloud
_LENGTH = 8  # letters; two of a tenant's tickets never share a number, since the store refuses the second
MAX_COMMENTS = 10_000
MAX_TAGS = 16
MAX_FACTS = 32


class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    PENDING = "pending"
    SOLVED = "solved"
    CLOSED = "closed"


UNFINISHED = frozenset({TicketState.OPEN, TicketState.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """See ticket.proto. `due_ms` 0 is never; `version` counts the changes: 1 when first kept."""

    ticket_id: str
    title: str
    state: TicketState = TicketState.OPEN
    priority: int = 0
    assignee_id: str = ""
    team: str = ""
    conversation_id: str = ""
    customer_id: str = ""
    channel: int = 0
    rule_id: str = ""
    tags: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    opened_ms: int = 0
    updated_ms: int = 0
    due_ms: int = 0
    comments: int = 0
    external_id: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """Something said about a ticket; `number` is 1, 2, 3, … within it."""

    ticket_id: str
    number: int
    author: str
    text: str
    is_public: bool
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """Which tickets; "" and None are all. `overdue_ms` asks for unfinished ones that were due by then."""

    state: TicketState | None = None
    assignee_id: str = ""
    conversation_id: str = ""
    overdue_ms: int = 0

    def takes(self, ticket: Ticket) -> bool:
        """Whether the ticket is one of them."""
        return (
            self.state in (None, ticket.state)
            and self.assignee_id in ("", ticket.assignee_id)
            and self.conversation_id in ("", ticket.conversation_id)
            and (not self.overdue_ms or self._is_overdue(ticket))
        )

    def _is_overdue(self, ticket: Ticket) -> bool:
        return 0 < ticket.due_ms <= self.overdue_ms and ticket.state in UNFINISHED


def number_of(*names: object) -> str:
    """The number of a ticket that these name: the same for the same names, else another."""
    digest = hashlib.blake2b("\n".join(map(str, names)).encode(), digest_size=_LENGTH).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest)
