"""The engine's values. Ids are unique within a tenant; times are milliseconds since 1970 (UTC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

OUT_OF_SCOPE = "out_of_scope"
SENTIMENTS = ("negative", "neutral", "positive")


class Presence(StrEnum):
    """Whether an agent takes new conversations."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


class ConversationState(StrEnum):
    """Where a conversation stands."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What was decided about a conversation's owner."""

    ASSIGNED = "assigned"
    KEPT = "kept"
    QUEUED = "queued"


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


class Exclusion(StrEnum):
    """Why an agent is not eligible."""

    OFFLINE = "offline"
    AWAY = "away"
    BUSY = "busy"
    LACKS_SKILL = "lacks_skill"
    AT_CAPACITY = "at_capacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A human who answers customers. `skills` maps a skill to a proficiency, 1 to 5; no languages means any."""

    agent_id: str
    name: str
    skills: Mapping[str, int]
    languages: frozenset[str] = frozenset()
    capacity: int
    presence: Presence = Presence.OFFLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A tenant's agents, and how many conversations each holds (agents that hold none may be missing)."""

    agents: Mapping[str, Agent]
    loads: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A customer's messages on one channel. `agent_id` is "" unless assigned, `queued_ms` 0 unless waiting.

    `version` counts the changes: 1 when first kept.
    """

    conversation_id: str
    channel: int
    customer_id: str
    state: ConversationState
    agent_id: str = ""
    skill: str
    language: str
    opened_ms: int
    updated_ms: int
    queued_ms: int = 0
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a conversation asks of its agent."""

    skill: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One addend of a score, weight included."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An agent as a decision saw it; an excluded one has no terms."""

    agent: Agent
    exclusion: Exclusion | None
    terms: tuple[Term, ...] = ()

    @property
    def score(self) -> float:
        """Sum of the terms."""
        return sum(term.value for term in self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who serves a conversation, and why. `agent_id` is "" while queued."""

    outcome: Outcome
    agent_id: str = ""
    agent_name: str = ""
    skill: str
    reason: str
    terms: tuple[Term, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
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


@dataclass(frozen=True, slots=True)
class Advice:
    """What may be answered to a message: replies, best first, and whether the engine does so alone."""

    suggestions: Sequence[Suggestion]
    auto_reply: AutoReply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBatch:
    """Messages in the order they came, as columns of equal length. `raw` is each one as it came over the wire."""

    tenants: Sequence[str]
    channels: Sequence[int]
    message_ids: Sequence[str]
    conversation_ids: Sequence[str]
    customer_ids: Sequence[str]
    texts: Sequence[str]
    metadata: Sequence[Mapping[str, str]]
    raw: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.message_ids)

    def take(self, rows: Sequence[int]) -> MessageBatch:
        """The batch of these rows only, in the order given."""
        return MessageBatch(
            tenants=[self.tenants[row] for row in rows],
            channels=[self.channels[row] for row in rows],
            message_ids=[self.message_ids[row] for row in rows],
            conversation_ids=[self.conversation_ids[row] for row in rows],
            customer_ids=[self.customer_ids[row] for row in rows],
            texts=[self.texts[row] for row in rows],
            metadata=[self.metadata[row] for row in rows],
            raw=[self.raw[row] for row in rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisBatch:
    """What was read in a batch of texts, as columns of `n` rows over the bundle's `k` intents.

    `intents` holds the name acted on ("out_of_scope" below the threshold); `candidates` int64 [n, 3] and
    `candidate_confidence` float32 [n, 3] the likeliest ones, best first, whatever the threshold said.
    `sentiments` indexes SENTIMENTS; `anger` is a calibrated probability; `probability` is float32 [n, k],
    `embedding` float32 [n, d] with rows of length 1 (or 0 where nothing was known).
    """

    bundle_id: str
    intent_names: Sequence[str]
    intents: Sequence[str]
    skills: Sequence[str]
    languages: Sequence[str]
    confidence: Sequence[float]
    candidates: npt.NDArray[np.int64]
    candidate_confidence: npt.NDArray[np.float32]
    sentiments: Sequence[int]
    anger: Sequence[float]
    is_angry: Sequence[bool]
    probability: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry to journal. `data` is the serialised payload of `kind`; `key` names a message for ever, or is ""."""

    conversation_id: str
    kind: str
    time_ms: int
    data: bytes
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A journal entry. `sequence` grows along the tenant's journal."""

    sequence: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one tenant's decisions change: all of it is committed, or none.

    `conversations` are new states whose `version` must follow the stored one; `claims` maps an agent to places
    taken (positive) or given back (negative); an event whose `key` exists already makes the change stale.
    """

    tenant: str
    conversations: Sequence[Conversation] = ()
    claims: Mapping[str, int]
    events: Sequence[Event] = ()
