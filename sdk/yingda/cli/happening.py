"""Events of a conversation in words."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from yingda.cli import render
from yingda.v1.event_pb2 import Event, MessageReceived
from yingda.v1.model_pb2 import ModelChangeKind


def kind(event: Event) -> str:
    """Such as "message received"."""
    return (event.WhichOneof("kind") or "of a newer release").replace("_", " ")


def what(event: Event) -> Text:
    """What is worth knowing of it."""
    match event.WhichOneof("kind"):
        case "message_received":
            return _message(event.message_received)
        case "conversation_assigned":
            assignment = event.conversation_assigned.assignment
            return render.lines(render.owner(assignment), render.cell(assignment.reason))
        case _:
            return render.cell(_sentence(event))


def _sentence(event: Event) -> str:
    said = _SAID.get(event.WhichOneof("kind") or "")
    return said(event) if said else ""


def _changed_model(event: Event) -> str:
    changed = event.model_changed
    name = ModelChangeKind.Name(changed.kind).removeprefix("MODEL_CHANGE_KIND_").lower().replace("_", " ")
    return f"{name}: {changed.bundle_id}" + (f", {changed.reason}" if changed.reason else "")


def _closed(event: Event) -> str:
    agent_id = event.conversation_closed.agent_id
    return f"taken from {agent_id}" if agent_id else "was waiting"


def _did(event: Event) -> str:
    did = event.activity_recorded.activities
    return ", ".join(f"{render.activity_name(one.kind)} {one.subject} {one.detail}".strip() for one in did)


def _transferred(event: Event) -> str:
    moved = event.conversation_transferred
    return f"from {moved.from_agent_id or 'the queue'} to {moved.target.replace(':', ' ', 1)}"


def _used(event: Event) -> str:
    used = event.suggestions_used
    return f"{used.outcome} {used.reply_id}".strip() + f", {len(used.shown_reply_ids)} shown"


def _labelled(event: Event) -> str:
    said = event.message_labelled
    how = "confirmed" if said.intent == said.read_intent else f"instead of {said.read_intent}"
    return f"message {said.message_id} is {said.intent}, {how}"


def _presence(event: Event) -> str:
    changed = event.presence_changed
    return f"{', '.join(changed.agent_ids)} {render.presence_name(changed.presence)} ({changed.how})"


def _basis(event: Event) -> str:
    basis = event.basis_changed
    return f"policy {basis.policy_version}" + (f", bundle {basis.bundle_id}" if basis.bundle_id else "")


def _message(received: MessageReceived) -> Text:
    analysis, assignment = received.answer.analysis, received.answer.assignment
    return render.lines(
        render.cell(received.message.text),
        render.cell(f"{analysis.intent} {analysis.confidence:.2f}, ") + render.mood(analysis),
        render.owner(assignment) + render.cell(f": {assignment.reason}"),
    )


_SAID: dict[str, Callable[[Event], str]] = {
    "model_changed": _changed_model,
    "activity_recorded": _did,
    "conversation_closed": _closed,
    "message_sent": lambda one: (
        f"{one.message_sent.agent_id or one.message_sent.bot_id}: {one.message_sent.text}"
    ),
    "reservation_accepted": lambda one: f"by {one.reservation_accepted.agent_id}",
    "reservation_ended": lambda one: f"{one.reservation_ended.how} by {one.reservation_ended.agent_id}",
    "conversation_transferred": _transferred,
    "conversation_joined": lambda one: f"by {one.conversation_joined.agent_id}",
    "requirement_relaxed": lambda one: f"step {one.requirement_relaxed.relaxation} of 4",
    "rule_fired": lambda one: f"{one.rule_fired.rule_id}: {', '.join(one.rule_fired.actions)}",
    "ticket_opened": lambda one: f"{one.ticket_opened.ticket.ticket_id} {one.ticket_opened.ticket.title}",
    "ticket_changed": lambda one: f"{one.ticket_changed.ticket.ticket_id} {one.ticket_changed.ticket.title}",
    "ticket_deleted": lambda one: (
        f"{one.ticket_deleted.ticket_id} by {one.ticket_deleted.agent_id or 'somebody'}: {one.ticket_deleted.note}"
    ),
    "ticket_commented": lambda one: (
        f"{one.ticket_commented.ticket_id} #{one.ticket_commented.comment.number}"
    ),
    "conversation_tagged": lambda one: ", ".join(one.conversation_tagged.tags),
    "conversation_escalated": lambda one: (
        f"to {one.conversation_escalated.agent_id or 'nobody'} of {one.conversation_escalated.team}"
    ),
    "priority_changed": lambda one: f"to {one.priority_changed.priority}",
    "conversation_completed": lambda one: f"by {one.conversation_completed.agent_id}",
    "suggestions_used": _used,
    "message_labelled": _labelled,
    "agent_put": lambda one: one.agent_put.agent.agent_id,
    "presence_changed": _presence,
    "basis_changed": _basis,
    "mood_changed": lambda one: "angry" if one.mood_changed.is_angry else "calm again",
}
