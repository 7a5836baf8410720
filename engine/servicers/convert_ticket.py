"""Tickets and deliveries: protobuf to values and back; pure."""

from __future__ import annotations

from yingda.v1 import rule_service_pb2, ticket_pb2

from engine.servicers import check
from engine.servicers.convert import milliseconds, optional_timestamp, timestamp
from engine.servicers.convert_action import tags_from_proto
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.ticket import MAX_FACTS, Comment, Ticket, TicketState

_STATE_NUMBERS = {state: ticket_pb2.TicketState.Value(f"TICKET_STATE_{state.name}") for state in TicketState}
_DELIVERY_NUMBERS = {
    state: rule_service_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state.name}") for state in DeliveryState
}
STATES: dict[int, TicketState] = {number: state for state, number in _STATE_NUMBERS.items()}
DELIVERY_STATES: dict[int, DeliveryState] = {number: state for state, number in _DELIVERY_NUMBERS.items()}


def state_from_proto(number: int) -> TicketState | None:
    """None where any will do. Raises: InvalidArgumentError."""
    if number and number not in STATES:
        raise check.invalid("state", f"must be one of {', '.join(TicketState)}, or not given")
    return STATES.get(number)


def delivery_state_from_proto(number: int) -> DeliveryState | None:
    """None where any will do. Raises: InvalidArgumentError."""
    if number and number not in DELIVERY_STATES:
        raise check.invalid("state", "must be pending, dead or not given")
    return DELIVERY_STATES.get(number)


def ticket_from_proto(ticket: ticket_pb2.Ticket) -> Ticket:
    """As a caller may put it; what is output only is left at its default. Raises: InvalidArgumentError."""
    _check(ticket)
    return Ticket(
        ticket_id=ticket.ticket_id,
        title=ticket.title,
        state=STATES.get(ticket.state, TicketState.OPEN),
        priority=ticket.priority,
        assignee_id=ticket.assignee_id,
        team=ticket.team,
        conversation_id=ticket.conversation_id,
        customer_id=ticket.customer_id,
        channel=ticket.channel,
        tags=tags_from_proto("ticket.tags", ticket.tags, 0),
        facts=dict(ticket.facts),
        due_ms=milliseconds(ticket.due_time),
        version=ticket.version,
    )


def ticket_to_proto(ticket: Ticket) -> ticket_pb2.Ticket:
    """All of it."""
    return ticket_pb2.Ticket(
        ticket_id=ticket.ticket_id,
        title=ticket.title,
        state=_STATE_NUMBERS[ticket.state],
        priority=ticket.priority,
        assignee_id=ticket.assignee_id,
        team=ticket.team,
        conversation_id=ticket.conversation_id,
        customer_id=ticket.customer_id,
        channel=ticket.channel,  # type: ignore[arg-type]  # an open enum: any number goes
        rule_id=ticket.rule_id,
        tags=ticket.tags,
        facts=dict(ticket.facts),
        create_time=timestamp(ticket.opened_ms),
        update_time=timestamp(ticket.updated_ms),
        due_time=optional_timestamp(ticket.due_ms),
        comments=ticket.comments,
        external_id=ticket.external_id,
        version=ticket.version,
    )


def comment_to_proto(comment: Comment) -> ticket_pb2.TicketComment:
    """All of it."""
    return ticket_pb2.TicketComment(
        number=comment.number,
        author=comment.author,
        text=comment.text,
        is_public=comment.is_public,
        create_time=timestamp(comment.time_ms),
    )


def comment_from_proto(ticket_id: str, comment: ticket_pb2.TicketComment) -> Comment:
    """Without a number yet. Raises: InvalidArgumentError."""
    check.filled("comment.text", comment.text, 8192)
    check.at_most("comment.author", comment.author, check.MAX_NAME)
    return Comment(
        ticket_id=ticket_id,
        number=0,
        author=comment.author,
        text=comment.text,
        is_public=comment.is_public,
        time_ms=0,
    )


def delivery_to_proto(delivery: Delivery) -> rule_service_pb2.Delivery:
    """All but its body."""
    is_pending = delivery.state is DeliveryState.PENDING
    return rule_service_pb2.Delivery(
        delivery_id=delivery.delivery_id,
        webhook=delivery.webhook,
        kind=delivery.kind,
        state=_DELIVERY_NUMBERS[delivery.state],
        attempts=delivery.attempts,
        due_time=optional_timestamp(delivery.due_ms) if is_pending else None,
        create_time=timestamp(delivery.created_ms),
        error=delivery.error,
    )


def _check(ticket: ticket_pb2.Ticket) -> None:
    check.filled("ticket.title", ticket.title, 200)
    if ticket.state and ticket.state not in STATES:
        raise check.invalid("ticket.state", f"must be one of {', '.join(TicketState)}")
    check.between("ticket.priority", ticket.priority, 0, 10)
    check.at_most("ticket.assignee_id", ticket.assignee_id, check.MAX_NAME)
    check.at_most("ticket.team", ticket.team, check.MAX_NAME)
    check.at_most("ticket.conversation_id", ticket.conversation_id, 128)
    check.at_most("ticket.customer_id", ticket.customer_id, 128)
    check.count("ticket.facts", len(ticket.facts), 0, MAX_FACTS)
    for name, value in ticket.facts.items():
        check.named(f"ticket.facts[{name!r}]", name)
        check.at_most(f"ticket.facts[{name!r}]", value, 512)
