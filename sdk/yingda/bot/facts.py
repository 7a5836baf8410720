"""What is known of something that happened; nothing here asks or does anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from yingda.v1 import assignment_pb2, event_pb2, message_pb2, reply_pb2, ticket_pb2
from yingda.v1.message_pb2 import Channel

OVERFLOW = 4  # the last relaxation step: see event.proto
_OWNED = (
    assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED,
    assignment_pb2.ASSIGNMENT_OUTCOME_OFFERED,
)


class EscalationReason(StrEnum):
    """Why a human should look."""

    RULE = "rule"
    ANGRY = "angry"
    OVERFLOW = "overflow"


class Facts:
    """An event of a conversation."""

    def __init__(self, event: event_pb2.Event) -> None:
        self.event = event

    @property
    def conversation_id(self) -> str:
        """Where it happened."""
        return self.event.conversation_id


class MessageFacts(Facts):
    """A customer's message, and what the engine made of it."""

    @property
    def message(self) -> message_pb2.Message:
        """As it came."""
        return self.event.message_received.message

    @property
    def text(self) -> str:
        """What the customer wrote."""
        return self.message.text

    @property
    def message_id(self) -> str:
        """The channel's id of it."""
        return self.message.message_id

    @property
    def customer_id(self) -> str:
        """The channel's id of the customer."""
        return self.message.customer_id

    @property
    def channel(self) -> Channel.ValueType:
        """Where it came from."""
        return self.message.channel

    @property
    def metadata(self) -> Mapping[str, str]:
        """Free pairs that came with it."""
        return self.message.metadata

    @property
    def intent(self) -> str:
        """What it is about, or "out_of_scope"."""
        return self.event.message_received.answer.analysis.intent

    @property
    def confidence(self) -> float:
        """A calibrated probability of the intent, in [0, 1]."""
        return self.event.message_received.answer.analysis.confidence

    @property
    def language(self) -> str:
        """Such as "zh" or "en"."""
        return self.event.message_received.answer.analysis.language

    @property
    def is_angry(self) -> bool:
        """Whether the customer is."""
        return self.event.message_received.answer.analysis.is_angry

    @property
    def agent_id(self) -> str:
        """The human who has the conversation, "" while it waits."""
        return self.event.message_received.answer.assignment.agent_id

    @property
    def suggestions(self) -> Sequence[reply_pb2.Suggestion]:
        """Ready replies, best first."""
        return self.event.message_received.answer.suggestions


class AssignmentFacts(Facts):
    """A conversation was given or offered to a human, with a message or after waiting."""

    @property
    def assignment(self) -> assignment_pb2.Assignment:
        """The decision and its reason."""
        if self.event.HasField("message_received"):
            return self.event.message_received.answer.assignment
        return self.event.conversation_assigned.assignment

    @property
    def agent_id(self) -> str:
        """To whom."""
        return self.assignment.agent_id

    @property
    def skill(self) -> str:
        """For which skill."""
        return self.assignment.skill


class EscalationFacts(Facts):
    """A human should look at the conversation now."""

    @property
    def reason(self) -> EscalationReason:
        """A rule says so, the customer became angry, or nobody came in time."""
        match self.event.WhichOneof("kind"):
            case "conversation_escalated":
                return EscalationReason.RULE
            case "mood_changed":
                return EscalationReason.ANGRY
            case _:
                return EscalationReason.OVERFLOW

    @property
    def agent_id(self) -> str:
        """The supervisor who takes part from now on; "" where none does."""
        return self.event.conversation_escalated.agent_id


class TicketFacts(Facts):
    """A ticket was opened, changed or talked about."""

    @property
    def ticket(self) -> ticket_pb2.Ticket:
        """As it is now; of a comment only the id."""
        if self.event.HasField("ticket_commented"):
            return ticket_pb2.Ticket(ticket_id=self.event.ticket_commented.ticket_id)
        return (
            self.event.ticket_opened.ticket
            if self.event.HasField("ticket_opened")
            else self.event.ticket_changed.ticket
        )

    @property
    def comment(self) -> ticket_pb2.TicketComment | None:
        """What was said; None where nothing was."""
        return self.event.ticket_commented.comment if self.event.HasField("ticket_commented") else None

    @property
    def is_new(self) -> bool:
        """Whether it was opened just now."""
        return self.event.HasField("ticket_opened")


def is_assignment(event: event_pb2.Event) -> bool:
    """Whether somebody has, or is asked to take, the conversation from now on."""
    if event.HasField("message_received"):
        return event.message_received.answer.assignment.outcome in _OWNED
    return event.HasField("conversation_assigned")


def is_escalation(event: event_pb2.Event) -> bool:
    """Whether a human should look now."""
    match event.WhichOneof("kind"):
        case "mood_changed":
            return event.mood_changed.is_angry
        case "requirement_relaxed":
            return event.requirement_relaxed.relaxation == OVERFLOW
        case kind:
            return kind == "conversation_escalated"
