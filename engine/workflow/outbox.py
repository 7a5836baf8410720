"""The outbox: what other systems are to be told, kept in the commit of what it tells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.workflow.ticket import Comment, Ticket


class DeliveryState(StrEnum):
    """Where a delivery stands; one that arrived is gone."""

    PENDING = "pending"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to tell another system. `due_ms` is when it is tried next, `body` what is sent, a JSON object."""

    delivery_id: str
    webhook: str
    kind: str
    body: bytes
    created_ms: int
    due_ms: int
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """That a rule fires in a conversation, having fired there last at `before_ms`, 0 for never."""

    conversation_id: str
    rule_id: str
    before_ms: int
    fired_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a call was answered, so that it may come again; a store may forget it after `ports.RECEIPTS_KEPT`."""

    request_id: str
    data: bytes
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What follows from a change and is committed with it.

    `dropped` are tickets, as they are stored, that are taken away with their comments. Stale is: a rule fired
    meanwhile, a ticket's version does not follow the stored one, a dropped one is another by now, or the request was
    committed.
    """

    firings: Sequence[Firing] = ()
    tickets: Sequence[Ticket] = ()
    dropped: Sequence[Ticket] = ()
    comments: Sequence[Comment] = ()
    deliveries: Sequence[Delivery] = ()
    receipt: Receipt | None = None


def delivery_id(*names: object) -> str:
    """The id of what these name: the same for the same names, else another."""
    return "d-" + hashlib.blake2b("\n".join(map(str, names)).encode(), digest_size=12).hexdigest()
