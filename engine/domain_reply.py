"""The engine's values about what may be answered; `engine.domain` gives them with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class FeedbackOutcome(StrEnum):
    """What an agent did with a list of suggestions."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    IGNORED = "ignored"


class AutoReplyDecision(StrEnum):
    """What stood against answering alone, or that nothing did."""

    SENT = "sent"
    INTENT = "intent"
    CONFIDENCE = "confidence"
    ANGER = "anger"
    SIMILARITY = "similarity"
    SLOT = "slot"
    HUMAN = "human"
    REPLY = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A canned reply. `slots` are the names in `text` that must be filled before it is sent.

    `questions` are what customers say that it answers. No teams or channels means all; `valid_until_ms` 0 means for
    ever. `updated_ms` is when it was last put.
    """

    reply_id: str
    intent: str
    language: str
    title: str
    text: str
    slots: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    teams: frozenset[str] = frozenset()
    channels: frozenset[int] = frozenset()
    valid_from_ms: int = 0
    valid_until_ms: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """A reply's text with what is known, and the slots that nothing filled, in order."""

    text: str
    open_slots: tuple[str, ...]


class Suggestion(NamedTuple):
    """A reply offered to an agent. `score` orders one list; `similarity` is a cosine in [-1, 1].

    `filled` is None where no slot was filled: the text is then the reply's.
    """

    reply: Reply
    score: float
    similarity: float
    filled: Filled | None = None

    @property
    def text(self) -> str:
        """What would be sent."""
        return self.filled.text if self.filled else self.reply.text

    @property
    def open_slots(self) -> tuple[str, ...]:
        """What must be filled before it may be sent."""
        return self.filled.open_slots if self.filled else self.reply.slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A customer's message from the journal, with the intent read and how near the best suggestion was."""

    text: str
    channel: int
    customer_id: str = ""
    metadata: Mapping[str, str]
    intent: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReply:
    """Whether the engine answers a message alone, explained. `text` is what to send, "" unless it does."""

    decision: AutoReplyDecision
    reply_id: str = ""
    text: str = ""
    reason: str


class Advice(NamedTuple):
    """What may be answered to a message: replies, best first, and whether the engine does so alone."""

    suggestions: Sequence[Suggestion]
    auto_reply: AutoReply | None = None
