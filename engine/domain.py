"""The engine's values. Ids are unique within a tenant; times are milliseconds since 1970 (UTC).

What is made for every message is a named tuple: a frozen dataclass is six times as dear to make.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.domain_batch import NO_HINTS, AnalysisBatch, Hints, MessageBatch
from engine.domain_reply import (
    Advice,
    AutoReply,
    AutoReplyDecision,
    FeedbackOutcome,
    Filled,
    Heard,
    Reply,
    Suggestion,
)
from engine.workflow.outbox import FollowUp

__all__ = [
    "CALM",
    "MESSAGE",
    "NO_HINTS",
    "OUT_OF_SCOPE",
    "SENTIMENTS",
    "Advice",
    "Agent",
    "AnalysisBatch",
    "Assignment",
    "AutoReply",
    "AutoReplyDecision",
    "Candidate",
    "Change",
    "Conversation",
    "ConversationState",
    "Event",
    "Exclusion",
    "FeedbackOutcome",
    "Filled",
    "Heard",
    "Hints",
    "MessageBatch",
    "Mood",
    "Outcome",
    "Presence",
    "Reply",
    "Requirement",
    "Roster",
    "Shift",
    "StoredEvent",
    "Suggestion",
    "Term",
]

OUT_OF_SCOPE = "out_of_scope"
MESSAGE = "message_received"  # the kind of event that a customer's message is
SENTIMENTS = ("negative", "neutral", "positive")


class Presence(StrEnum):
    """Whether an agent takes new conversations."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"
    WRAPPING = "wrapping"


class ConversationState(StrEnum):
    """Where a conversation stands. Source: the task and reservation life cycle of Twilio TaskRouter."""

    WAITING = "waiting"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    WRAPPING = "wrapping"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What was decided about a conversation's owner."""

    ASSIGNED = "assigned"
    KEPT = "kept"
    QUEUED = "queued"
    OFFERED = "offered"


class Exclusion(StrEnum):
    """Why an agent is not eligible; an agent with several reasons has the first."""

    OFFLINE = "offline"
    AWAY = "away"
    BUSY = "busy"
    WRAPPING = "wrapping"
    OFF_SHIFT = "off_shift"
    NOT_ASKED_FOR = "not_asked_for"
    NOT_IN_TEAM = "not_in_team"
    LACKS_SKILL = "lacks_skill"
    LACKS_LANGUAGE = "lacks_language"
    DECLINED = "declined"
    NEEDS_REST = "needs_rest"
    AT_CAPACITY = "at_capacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A span of the week. `weekday` is ISO (1 Monday); an `end_minute` above 1440 is on the day after."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A human who answers customers. `skills` maps a skill to a proficiency, 1 to 5; no languages means any.

    `capacity` is in units of a hundredth of a chat.
    """

    agent_id: str
    name: str
    skills: Mapping[str, int]
    languages: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    capacity: int
    shifts: tuple[Shift, ...] = ()
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roster:
    """A tenant's agents by id and, as columns in the same order, how each stands.

    `presences` and `online` (bool [A]) say who takes conversations, `leases` (int64 [A]) when that lapses, 0 for
    never. `load` is int64 [A], units held; `streak` int64 [A], how many of the last conversations given to the agent
    were angry, counted back to the first that was not. The agents of a roster never change; the columns follow every
    commit, so that nothing is copied: read them, do not keep them. `came` are agents who changed or came online, and of
    whom nobody knows yet what of the queue is for them; whoever gives it to them takes them out.
    """

    agents: tuple[Agent, ...]
    rows: Mapping[str, int]
    presences: list[Presence]
    online: npt.NDArray[np.bool_]
    leases: npt.NDArray[np.int64]
    load: npt.NDArray[np.int64]
    streak: npt.NDArray[np.int64]
    came: set[str] = field(default_factory=set)

    def agent(self, agent_id: str) -> Agent | None:
        """By id, where there is one."""
        row = self.rows.get(agent_id)
        return None if row is None else self.agents[row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a conversation asks of its agent.

    `skills` maps each skill to the probability that it is the one needed, likeliest first; `skill` is the one
    acted on. `agent_id` and `team` are conditions, `preferred_agent_id` is a wish; "" is none. `priority` is 0 to
    10, `vip` 0 to 3. Where `is_given`, somebody named the skill, and what the customer writes does not change it.
    """

    skill: str
    skills: Mapping[str, float]
    language: str
    agent_id: str = ""
    preferred_agent_id: str = ""
    team: str = ""
    priority: int = 0
    vip: int = 0
    is_given: bool = False


class Mood(NamedTuple):
    """A conversation's smoothed anger in [0, 1], and whether it counts as angry."""

    anger: float = 0.0
    is_angry: bool = False


CALM = Mood()


@dataclass(slots=True, kw_only=True)
class Conversation:
    """A customer's messages on one channel, and its place in routing. A value: nobody changes one, a draft copies it.

    `agent_id` is "" unless offered, assigned or wrapping, and then `units` are held there. `queued_ms` is when it
    began to wait, 0 once an agent has it; `rank_ms` orders the queue, smaller first. `queues` are the queues it
    stands in while waiting. `due_ms` is when the offer, the relaxation step or the wrap-up ends, 0 for never.
    `declined` are agents that are not asked again. `version` counts the changes: 1 when first kept.
    """

    conversation_id: str
    channel: int
    customer_id: str
    state: ConversationState
    requirement: Requirement
    agent_id: str = ""
    units: int = 0
    reservation_id: str = ""
    opened_ms: int
    updated_ms: int
    queued_ms: int = 0
    rank_ms: int = 0
    due_ms: int = 0
    relaxation: int = 0
    queues: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    last_agent_id: str = ""
    last_agent_ms: int = 0
    participants: tuple[str, ...] = ()
    mood: Mood = CALM
    tags: tuple[str, ...] = ()
    version: int

    def copy(self) -> Conversation:
        """One that its maker may still change."""
        made = _new_conversation(Conversation)
        made.conversation_id = self.conversation_id
        made.channel = self.channel
        made.customer_id = self.customer_id
        made.state = self.state
        made.requirement = self.requirement
        made.agent_id = self.agent_id
        made.units = self.units
        made.reservation_id = self.reservation_id
        made.opened_ms = self.opened_ms
        made.updated_ms = self.updated_ms
        made.queued_ms = self.queued_ms
        made.rank_ms = self.rank_ms
        made.due_ms = self.due_ms
        made.relaxation = self.relaxation
        made.queues = self.queues
        made.declined = self.declined
        made.last_agent_id = self.last_agent_id
        made.last_agent_ms = self.last_agent_ms
        made.participants = self.participants
        made.mood = self.mood
        made.tags = self.tags
        made.version = self.version
        return made


_new_conversation = object.__new__


class Term(NamedTuple):
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


class Assignment(NamedTuple):
    """Who serves a conversation, and why. `agent_id` is "" while queued."""

    outcome: Outcome
    skill: str
    reason: str
    agent_id: str = ""
    agent_name: str = ""
    terms: tuple[Term, ...] = ()
    relaxation: int = 0
    reservation_id: str = ""
    policy_version: str = ""


class Event(NamedTuple):
    """One entry to journal. `data` is the serialised payload of `kind`; `key` names it for ever, or is "".

    What led to it is the entry `by` places further on in the same change (back, where negative), or one that was
    journaled before under the sequence `after`; 0 is none. `conversation_id` is "" where it concerns the whole tenant.
    """

    conversation_id: str
    kind: str
    time_ms: int
    data: bytes
    key: str = ""
    by: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A journal entry. `sequence` grows along the tenant's journal; `commit` is that of its change's first entry."""

    sequence: int
    commit: int
    event: Event

    @property
    def cause(self) -> int:
        """The sequence of the entry that led to it, 0 where it came from outside or with time."""
        return self.sequence + self.event.by if self.event.by else self.event.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one tenant's decisions change: all of it is committed, or none.

    `conversations` are new states whose `version` must follow the stored one; `kept` are the same, but of them only
    `version`, `updated_ms` and `mood` changed, and each has an event here. `claims` maps an agent to units
    taken (positive) or given back (negative), and `streaks` to the new number of angry conversations in a row; an
    event whose `key` exists already makes the change stale. `alone` are ids of those conversations that were opened
    because their customer had none open: one that another engine opened meanwhile makes the change stale.
    `follow_up` is what rules, tickets and the outbox add.

    `mark` names the state it was decided on, None where that does not matter. `drained` maps a queue to the `rank_ms`
    before which the change gives a place of it away, and `opened` are the queues in which a place is left: whoever
    began to wait there since the mark makes the change stale, as does a place that was opened for those it lets wait.
    """

    tenant: str
    conversations: Sequence[Conversation] = ()
    kept: Sequence[Conversation] = ()
    claims: Mapping[str, int] = field(default_factory=dict)
    streaks: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[Event] = ()
    alone: Collection[str] = ()
    follow_up: FollowUp | None = None
    mark: str | None = None
    drained: Mapping[str, int] = field(default_factory=dict)
    opened: Collection[str] = ()
