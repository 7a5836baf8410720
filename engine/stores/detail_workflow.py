"""Tickets, comments and deliveries as stores keep them: JSON objects of their fields."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engine.stores.detail import encode
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.ticket import Comment, Ticket, TicketState


def ticket_text(ticket: Ticket) -> str:
    """Everything of a ticket."""
    return encode(asdict(ticket))


def ticket(text: str | bytes) -> Ticket:
    """What `ticket_text` made."""
    fields: dict[str, Any] = json.loads(text)
    return Ticket(**{**fields, "state": TicketState(fields["state"]), "tags": tuple(fields["tags"])})


def comment_text(comment: Comment) -> str:
    """Everything of a comment."""
    return encode(asdict(comment))


def comment(text: str | bytes) -> Comment:
    """What `comment_text` made."""
    return Comment(**json.loads(text))


def delivery_text(delivery: Delivery) -> str:
    """Everything of a delivery."""
    return encode({**asdict(delivery), "body": delivery.body.decode()})


def delivery(text: str | bytes) -> Delivery:
    """What `delivery_text` made."""
    fields: dict[str, Any] = json.loads(text)
    return Delivery(**{**fields, "state": DeliveryState(fields["state"]), "body": fields["body"].encode()})
