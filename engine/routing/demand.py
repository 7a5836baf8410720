"""What a conversation asks of an agent at this moment."""

from __future__ import annotations

from typing import NamedTuple

from engine.domain import Conversation, Requirement
from engine.routing import queue
from engine.routing.policy import MINUTE, Policy


class Demand(NamedTuple):
    """A requirement as far as it is relaxed, and the conversation's past. `last_agent_id` is "" once it has expired."""

    requirement: Requirement
    channel: int
    queues: tuple[str, ...]
    relaxation: int = 0
    is_angry: bool = False
    last_agent_id: str = ""
    declined: tuple[str, ...] = ()


def of(conversation: Conversation, policy: Policy, now_ms: int) -> Demand:
    """The conversation's demand now."""
    recent = now_ms - conversation.last_agent_ms <= policy.sticky * MINUTE
    return Demand(
        requirement=conversation.requirement,
        channel=conversation.channel,
        relaxation=conversation.relaxation,
        queues=queue.queues(conversation.requirement, conversation.relaxation, policy),
        is_angry=conversation.mood.is_angry,
        last_agent_id=conversation.last_agent_id if recent else "",
        declined=conversation.declined,
    )
