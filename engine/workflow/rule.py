"""Rules: when what holds, and what is then done. See rule.proto for limits and meanings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.domain import Shift

DAY_MS = 86_400_000
OWNER = "owner"  # as an assignee: whoever has the conversation
SUPERVISORS = "supervisors"  # the team that is called where a rule names none


class Trigger(StrEnum):
    """What a rule is asked about."""

    MESSAGE = "message"
    WAITING = "waiting"


class Trend(StrEnum):
    """Where a conversation's anger goes."""

    ANY = "any"
    RISING = "rising"
    FALLING = "falling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Spans of the week in a time zone, or all but these."""

    spans: tuple[Shift, ...]
    time_zone: str = "UTC"
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FactTest:
    """What must be known of the customer; no values and no limits: anything."""

    name: str
    absent: bool = False
    values: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """All that is given must be so. Empty, 0 and None are "not given"."""

    intents: tuple[str, ...] = ()
    min_confidence: float = 0.0
    sentiments: tuple[str, ...] = ()
    min_anger: float = 0.0
    max_anger: float = 0.0
    anger_trend: Trend = Trend.ANY
    channels: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    min_vip: int = 0
    min_waiting_ms: int = 0
    min_relaxation: int = 0
    hours: Hours | None = None
    keywords: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    facts: tuple[FactTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """Opens a ticket; its number is the fact "ticket_id" of the actions behind."""

    title: str
    priority: int = 0
    team: str = ""
    assignee_id: str = ""
    due_ms: int = 0
    facts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTags:
    """Tags the conversation."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriority:
    """Sets the conversation's priority."""

    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTeam:
    """Gives the conversation to a team."""

    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReply:
    """Answers the customer: a text, or a canned reply, by language."""

    texts: Mapping[str, str] = field(default_factory=dict)
    reply_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Brings a supervisor in."""

    team: str = SUPERVISORS


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWebhook:
    """Tells another system."""

    webhook: str
    with_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseConversation:
    """Closes the conversation."""


Action = (
    OpenTicket | AddTags | SetPriority | AssignTeam | SendReply | Escalate | CallWebhook | CloseConversation
)
ACTION_NAMES: Mapping[type[Action], str] = {
    OpenTicket: "open_ticket",
    AddTags: "add_tags",
    SetPriority: "set_priority",
    AssignTeam: "assign_team",
    SendReply: "auto_reply",
    Escalate: "escalate",
    CallWebhook: "call_webhook",
    CloseConversation: "close",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`window_ms` is how long it does not fire again in the same conversation, 0: it always fires."""

    rule_id: str
    description: str = ""
    disabled: bool = False
    trigger: Trigger = Trigger.MESSAGE
    when: Condition = Condition()
    then: tuple[Action, ...]
    window_ms: int = DAY_MS
    position: int = 0
    stop: bool = False
    updated_ms: int = 0

    @property
    def order(self) -> tuple[int, str]:
        """Rules are asked in this order."""
        return self.position, self.rule_id

    @property
    def action_names(self) -> list[str]:
        """What is done, in order."""
        return [ACTION_NAMES[type(one)] for one in self.then]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One condition of a rule, as it was found."""

    name: str
    wanted: str
    found: str
    holds: bool
