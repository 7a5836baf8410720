"""What each kind of entry does to its conversation, by the same steps that the engine took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yingda.v1 import event_pb2

from engine.domain import Conversation, ConversationState, Outcome
from engine.routing import mood
from engine.routing.draft import Draft
from engine.routing.intake import asked_by, unowned
from engine.routing.queue import OVERFLOW
from engine.routing.requirement import asking
from engine.timeline import recorded
from engine.timeline.recorded import Told

Step = Callable[
    [Draft, Conversation, Any], object
]  # the draft, the conversation as it stands, the entry's payload


def receive(draft: Draft, found: Conversation, told: Told, row: int) -> None:
    """A message came, was read, and was decided about as is journaled."""
    analysis, assignment = told.analysis, told.assignments[row]
    after = mood.follow(found.mood, analysis.anger[row], is_angry=analysis.is_angry[row])
    if assignment.outcome is Outcome.KEPT:
        draft.keep(found, after)
        return
    waiting = unowned(draft, found, after, asked_by(found, told.batch, row, analysis))
    if assignment.outcome is Outcome.QUEUED:
        draft.wait(waiting)
    else:
        draft.give(waiting, assignment)


def _ended(draft: Draft, found: Conversation, ended: event_pb2.ReservationEnded) -> None:
    # What else ended the offer may have been told of before.
    if found.state is ConversationState.OFFERED and found.reservation_id == ended.reservation_id:
        draft.wait(draft.release(found, declined=ended.how != "cancelled"))


def _transferred(draft: Draft, found: Conversation, moved: event_pb2.ConversationTransferred) -> None:
    draft.wait(draft.give_on(found, asking(found.requirement, **target(moved))))


def target(moved: event_pb2.ConversationTransferred) -> dict[str, str]:
    """To whom, as `Lifecycle.transfer` takes it."""
    kind, _, name = moved.target.partition(":")
    names = {"agent": "agent_id", "team": "team", "skill": "skill"}
    return {**dict.fromkeys(names.values(), ""), names[kind]: name}


STEPS: Mapping[str, Step] = {
    "conversation_assigned": lambda draft, found, one: draft.give(found, recorded.assignment(one.assignment)),
    "conversation_closed": lambda draft, found, _: draft.close(found),
    "conversation_completed": lambda draft, found, _: draft.complete(found),
    "conversation_joined": lambda draft, found, one: draft.touch(
        found, participants=(*found.participants, one.agent_id)
    ),
    "conversation_requeued": lambda draft, found, _: draft.wait(found),
    "conversation_tagged": lambda draft, found, one: draft.touch(found, tags=tuple(one.tags)),
    "conversation_transferred": _transferred,
    "customer_deleted": lambda draft, found, _: draft.touch(found, customer_id=""),
    "decliners_asked_again": lambda draft, found, _: draft.relax(found, OVERFLOW),
    "message_sent": lambda draft, found, _: draft.touch(found),
    "priority_changed": lambda draft, found, one: draft.prioritise(found, one.priority),
    "requirement_relaxed": lambda draft, found, one: draft.relax(found, one.relaxation),
    "reservation_accepted": lambda draft, found, _: draft.accept(found),
    "reservation_ended": _ended,
}
