"""Puts what other systems are to be told into the outbox."""

from __future__ import annotations

from dataclasses import dataclass

from engine.workflow.gathering import Gathering
from engine.workflow.outbox import Delivery, delivery_id
from engine.workflow.payload import Data, envelope, of_comment, of_ticket
from engine.workflow.ticket import Comment, Ticket
from engine.workflow.webhook import DELETED, Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Whose change something is told of, and when it is made."""

    tenant: str
    now_ms: int
    into: Gathering


class Outgoing:
    """Adds deliveries to what is committed with a change."""

    def __init__(self, webhooks: Webhooks) -> None:
        self.webhooks = webhooks

    def ticket(self, on: Occasion, kind: str, ticket: Ticket) -> None:
        """Tell everybody who listens that a ticket was opened or changed."""
        for webhook in self.webhooks.listening(on.tenant, kind):
            self.send(on, webhook, kind, (ticket.ticket_id, ticket.version), of_ticket(ticket))

    def comment(self, on: Occasion, ticket: Ticket, comment: Comment) -> None:
        """Tell everybody who listens that something was said about a ticket."""
        kind = "ticket.commented"
        for webhook in self.webhooks.listening(on.tenant, kind):
            self.send(on, webhook, kind, (ticket.ticket_id, comment.number), of_comment(ticket, comment))

    def deleted(self, on: Occasion, ticket: Ticket, agent_id: str, reason: str) -> None:
        """Tell everybody who listens that a ticket is no more; of what it said nothing is told."""
        data = {
            "ticket_id": ticket.ticket_id,
            "conversation_id": ticket.conversation_id,
            "external_id": ticket.external_id,
            "agent_id": agent_id,
            "reason": reason,
        }
        for webhook in self.webhooks.listening(on.tenant, DELETED):
            self.send(on, webhook, DELETED, (ticket.ticket_id,), data)

    def send(self, on: Occasion, webhook: str, kind: str, named: tuple[object, ...], data: Data) -> None:
        """Tell one; `named` and the webhook name what is told for ever."""
        delivery = Delivery(
            delivery_id=delivery_id(on.tenant, webhook, kind, *named),
            webhook=webhook,
            kind=kind,
            body=envelope(kind, on.tenant, on.now_ms, data),
            created_ms=on.now_ms,
            due_ms=on.now_ms,
        )
        on.into.deliveries.append(delivery)
