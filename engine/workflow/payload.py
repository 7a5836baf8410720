"""What other systems are told: JSON objects with a type, a time and data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from engine.workflow.ticket import Comment, Ticket

Data = Mapping[str, object]


def envelope(kind: str, tenant: str, now_ms: int, data: Data) -> bytes:
    """The body of a delivery. Source: Standard Webhooks' type, timestamp and data."""
    whole = {"type": kind, "timestamp": moment(now_ms), "tenant": tenant, "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def of_ticket(ticket: Ticket) -> Data:
    """All of a ticket."""
    return {
        "ticket_id": ticket.ticket_id,
        "title": ticket.title,
        "state": ticket.state.value,
        "priority": ticket.priority,
        "assignee_id": ticket.assignee_id,
        "team": ticket.team,
        "conversation_id": ticket.conversation_id,
        "customer_id": ticket.customer_id,
        "channel": ticket.channel,
        "rule_id": ticket.rule_id,
        "tags": list(ticket.tags),
        "facts": dict(ticket.facts),
        "create_time": moment(ticket.opened_ms),
        "update_time": moment(ticket.updated_ms),
        "due_time": moment(ticket.due_ms) if ticket.due_ms else None,
        "external_id": ticket.external_id,
        "version": ticket.version,
    }


def of_comment(ticket: Ticket, comment: Comment) -> Data:
    """A comment, and the ticket it is about."""
    return {
        "ticket": of_ticket(ticket),
        "number": comment.number,
        "author": comment.author,
        "text": comment.text,
        "is_public": comment.is_public,
    }


def moment(time_ms: int) -> str:
    """ISO 8601, UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(time_ms / 1000, tz=UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
