"""What rules and what comes of them are kept as: protobuf."""

from __future__ import annotations

from collections.abc import Sequence

from yingda.rule_file import RuleFileError, read_rules
from yingda.v1 import assignment_pb2, event_pb2, message_pb2, rule_pb2

from engine.domain import MESSAGE, SENTIMENTS, Event, StoredEvent
from engine.errors import InvalidArgumentError, StartError
from engine.servicers import convert_rule, convert_ticket
from engine.servicers.convert import SENTIMENT_NUMBERS
from engine.workflow.reading import Reading, Recorded
from engine.workflow.rule import Rule, Verdict
from engine.workflow.ticket import Comment, Ticket

_SENTIMENT_ROWS = {number: row for row, number in enumerate(SENTIMENT_NUMBERS)}
_NEUTRAL = SENTIMENTS.index("neutral")


class ProtoWorkflowCodec:
    """See `workflow.codec.WorkflowCodec`."""

    def rule(self, data: bytes) -> Rule:
        """See `workflow.codec.WorkflowCodec`."""
        return convert_rule.rule_from_proto(rule_pb2.Rule.FromString(data))

    def rule_bytes(self, rule: Rule) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        return convert_rule.rule_to_proto(rule).SerializeToString()

    def fired(
        self, rule_id: str, message_id: str, verdicts: Sequence[Verdict], actions: Sequence[str]
    ) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        return event_pb2.RuleFired(
            rule_id=rule_id,
            message_id=message_id,
            checks=convert_rule.verdicts_to_proto(verdicts),
            actions=actions,
        ).SerializeToString()

    def ticket(self, ticket: Ticket) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        return event_pb2.TicketOpened(ticket=convert_ticket.ticket_to_proto(ticket)).SerializeToString()

    def commented(self, comment: Comment) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        said = convert_ticket.comment_to_proto(comment)
        return event_pb2.TicketCommented(ticket_id=comment.ticket_id, comment=said).SerializeToString()

    def deleted(self, ticket_id: str, agent_id: str, reason: str) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        return event_pb2.TicketDeleted(
            ticket_id=ticket_id, agent_id=agent_id, note=reason
        ).SerializeToString()

    def tagged(self, tags: Sequence[str]) -> bytes:
        """See `workflow.codec.WorkflowCodec`."""
        return event_pb2.ConversationTagged(tags=tags).SerializeToString()

    def recorded(self, stored: StoredEvent) -> Recorded:
        """See `workflow.codec.WorkflowCodec`."""
        event = stored.event
        received = event_pb2.MessageReceived.FromString(event.data) if event.kind == MESSAGE else None
        return Recorded(
            conversation_id=event.conversation_id,
            time_ms=event.time_ms,
            commit=stored.commit,
            reading=_reading_in(received) if received else None,
            relaxation=_relaxation(event),
            is_assigned=event.kind == "conversation_assigned",
            is_transferred=event.kind == "conversation_transferred",
            is_closed=event.kind == "conversation_closed",
            fired_rule_id=_fired(event),
        )

    def reading(self, record: bytes) -> Reading:
        """See `workflow.codec.WorkflowCodec`."""
        return reading_from_proto(event_pb2.MessageReceived.FromString(record))


def reading_from_proto(received: event_pb2.MessageReceived, *, is_queued: bool = False) -> Reading:
    """What rules look at of a journaled message."""
    message, analysis = received.message, received.answer.analysis
    return Reading(
        message_id=message.message_id,
        text=message.text,
        channel=message.channel,
        customer_id=message.customer_id,
        vip=_vip(message),
        metadata=dict(message.metadata),
        intent=analysis.intent,
        confidence=analysis.confidence,
        sentiment=_SENTIMENT_ROWS.get(analysis.sentiment, _NEUTRAL),
        anger=analysis.anger,
        is_angry=analysis.is_angry,
        language=analysis.language,
        is_queued=is_queued,
    )


def rules_of(text: str, place: str) -> list[Rule]:
    """Of a pack's file. Raises: StartError that names the file, the key and the fix."""
    try:
        return [
            convert_rule.rule_from_proto(rule, f"rules[{number}]")
            for number, rule in enumerate(read_rules(text))
        ]
    except (RuleFileError, InvalidArgumentError) as error:
        raise StartError(f"{place}: {error}") from error


def _reading_in(received: event_pb2.MessageReceived) -> Reading:
    outcome = received.answer.assignment.outcome
    return reading_from_proto(received, is_queued=outcome == assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED)


def _relaxation(event: Event) -> int:
    if event.kind != "requirement_relaxed":
        return 0
    return event_pb2.RequirementRelaxed.FromString(event.data).relaxation


def _fired(event: Event) -> str:
    return event_pb2.RuleFired.FromString(event.data).rule_id if event.kind == "rule_fired" else ""


def _vip(message: message_pb2.Message) -> int:
    return message.routing.vip if message.HasField("routing") else 0
