"""A message as the journal tells of it, and what rules look at of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.customer.informer import Customers
from engine.domain import Conversation
from engine.workflow.columns import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A customer's message with what was read in it. `sentiment` indexes SENTIMENTS."""

    message_id: str = ""
    text: str = ""
    channel: int = 0
    customer_id: str = ""
    vip: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    intent: str
    confidence: float
    sentiment: int
    anger: float
    is_angry: bool
    language: str
    is_queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event, as far as rules care: a message, a relaxation step, an agent found, an end, or a firing.

    `commit` is the same for what was written together.
    """

    conversation_id: str
    time_ms: int
    commit: int = 0
    reading: Reading | None = None
    relaxation: int = 0
    is_assigned: bool = False
    is_transferred: bool = False
    is_closed: bool = False
    fired_rule_id: str = ""


def columns_of(
    tenant: str,
    readings: Sequence[Reading],
    conversations: Sequence[Conversation],
    *,
    customers: Customers,
    now_ms: int,
) -> Columns:
    """One row per reading, its conversation beside it."""
    return Columns(
        now_ms=now_ms,
        intents=[one.intent for one in readings],
        confidences=[one.confidence for one in readings],
        sentiments=[one.sentiment for one in readings],
        angers=[one.anger for one in readings],
        languages=[one.language for one in readings],
        channels=[one.channel for one in readings],
        texts=[one.text for one in readings],
        vips=[one.vip for one in readings],
        conversations=conversations,
        facts_of=lambda row: known_facts(customers, tenant, readings[row]),
    )


def known_facts(customers: Customers, tenant: str, reading: Reading) -> Mapping[str, str]:
    """What the tenant's sources know, and what came with the message, which counts first."""
    known = customers.facts_for(tenant, reading.channel, reading.customer_id, reading.text)
    return {**known, **reading.metadata} if known else reading.metadata
