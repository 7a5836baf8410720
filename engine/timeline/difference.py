"""What is otherwise in an entry that was made once more."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.domain import Event, StoredEvent
from engine.timeline import entry
from engine.timeline.entry import MESSAGE

_TOLERANCE: Final = 1e-3  # of probabilities: less is how a machine adds
ROUTING: Final = frozenset(
    {
        MESSAGE,
        "conversation_assigned",
        "conversation_closed",
        "conversation_completed",
        "conversation_joined",
        "conversation_transferred",
        "decliners_asked_again",
        "mood_changed",
        "requirement_relaxed",
        "reservation_accepted",
        "reservation_ended",
    }
)
_READ: Final = ("intent", "confidence", "skill", "sentiment", "anger", "is_angry", "language")
_ASSIGNED: Final = ("outcome", "agent_id", "skill", "relaxation")
_EXPLAINED: Final = ("reason", "reservation_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing; "" where it was not, or would not be, there."""

    field: str
    was: str
    would_be: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """One entry that would be otherwise. `sequence` is 0 where it did not happen, but would."""

    sequence: int
    conversation_id: str
    time_ms: int
    kind: str
    differences: Sequence[Difference]


def compare(was: Sequence[StoredEvent], would_be: Sequence[Event], *, strictly: bool) -> list[Redecided]:
    """What routing would have journaled otherwise; explanations count only where it is to be the same `strictly`."""
    left: defaultdict[tuple[str, str], deque[Event]] = defaultdict(deque)
    for event in would_be:
        if event.kind in ROUTING:
            left[event.kind, event.conversation_id].append(event)
    found = []
    for one in was:
        if one.event.kind in ROUTING:
            others = left[one.event.kind, one.event.conversation_id]
            found.append(_redecided(one, others.popleft() if others else None, strictly=strictly))
    new = [_new(event) for events in left.values() for event in events]
    return [one for one in [*found, *new] if one.differences]


def _redecided(was: StoredEvent, would_be: Event | None, *, strictly: bool) -> Redecided:
    before = _fields(was.event, strictly=strictly)
    after = _fields(would_be, strictly=strictly) if would_be else {}
    gone = [] if would_be else [Difference(field=was.event.kind, was=_summary(before), would_be="")]
    return Redecided(
        sequence=was.sequence,
        conversation_id=was.event.conversation_id,
        time_ms=was.event.time_ms,
        kind=was.event.kind,
        differences=gone or list(_unequal(before, after)),
    )


def _new(event: Event) -> Redecided:
    summary = _summary(_fields(event, strictly=False)) or "yes"
    return Redecided(
        sequence=0,
        conversation_id=event.conversation_id,
        time_ms=event.time_ms,
        kind=event.kind,
        differences=[Difference(field=event.kind, was="", would_be=summary)],
    )


def _unequal(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for field, was in before.items():
        other = after[field]
        if isinstance(was, float) and abs(was - other) <= _TOLERANCE:
            continue
        if was != other:
            yield Difference(field=field, was=_shown(was), would_be=_shown(other))


def _fields(event: Event, *, strictly: bool) -> dict[str, Any]:
    payload = entry.payload_of(event)
    named = (*_ASSIGNED, *_EXPLAINED) if strictly else _ASSIGNED
    if event.kind == MESSAGE:
        answer = payload.answer
        read = {field: getattr(answer.analysis, field) for field in _READ}
        return read | {f"assignment.{field}": getattr(answer.assignment, field) for field in named}
    if event.kind == "conversation_assigned":
        return {f"assignment.{field}": getattr(payload.assignment, field) for field in named}
    return {field.name: getattr(payload, field.name) for field in payload.DESCRIPTOR.fields}


def _summary(fields: Mapping[str, Any]) -> str:
    chosen = fields.get("assignment.agent_id")
    return chosen or ", ".join(f"{name} {_shown(value)}" for name, value in fields.items() if value)


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
