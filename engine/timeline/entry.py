"""Entries of the journal: what they hold, which were written together, and in which order they came to be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from yingda.v1 import event_pb2

from engine.domain import Event, StoredEvent

MESSAGE = "message_received"
_GIVEN = "conversation_assigned"
_FIRED = "rule_fired"
_BEFORE, _ITSELF, _BEHIND = range(3)
_PAYLOADS = {
    field.name: type(getattr(event_pb2.Event(), field.name))
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields
}
Commit = Sequence[StoredEvent]


def payload(entry: StoredEvent) -> Any:  # noqa: ANN401  # one of the messages of Event's `kind`
    """What the entry holds. Raises: KeyError for a kind of a newer release."""
    return payload_of(entry.event)


def payload_of(event: Event) -> Any:  # noqa: ANN401
    """The same of one that need not be journaled."""
    return _PAYLOADS[event.kind].FromString(event.data)


def is_known(entry: StoredEvent) -> bool:
    """Whether this release knows the kind."""
    return entry.event.kind in _PAYLOADS


def commits(entries: Iterable[StoredEvent]) -> Iterator[Commit]:
    """Entries in order of sequence, those of one commit together."""
    for _, group in groupby(entries, key=lambda one: one.commit):
        yield list(group)


def in_true_order(commit: Commit) -> Commit:
    """As it happened: what a message led to stands beside the message.

    In the journal all messages of a batch stand together; what ended because of them is before, what was given away
    because of them is behind, and behind that what rules added once all were decided about.
    """
    messages = {one.sequence for one in commit if one.event.kind == MESSAGE}
    if len(messages) in (0, len(commit)):
        return commit
    by_rules = _first_by_rules(commit, max(messages))

    def place(one: StoredEvent) -> tuple[int, int, int]:
        if one.cause not in messages or one.sequence >= by_rules:
            return one.sequence, _ITSELF, one.sequence
        return one.cause, _BEFORE if one.sequence < one.cause else _BEHIND, one.sequence

    return sorted(commit, key=place)


def _first_by_rules(commit: Commit, last_message: int) -> float:
    """The sequence from which on rules acted: behind the messages nothing else is told but who was given what."""
    behind = (one for one in commit if one.sequence > last_message and one.event.kind != _GIVEN)
    return min((one.sequence for one in behind), default=math.inf)


def without_rules(commit: Commit) -> Commit:
    """What was decided before rules acted, and without what they did."""
    messages = [one.sequence for one in commit if one.event.kind == MESSAGE]
    if messages:
        by_rules = _first_by_rules(commit, messages[-1])
        return [one for one in commit if one.sequence < by_rules]
    fired = {one.event.conversation_id for one in commit if one.event.kind == _FIRED}
    own = {one.sequence for one in roots(commit)}
    return [one for one in commit if one.event.conversation_id not in fired or one.sequence in own]


def roots(commit: Commit) -> Commit:
    """Those that nothing else of the commit led to."""
    own = {one.sequence for one in commit}
    return [one for one in commit if one.cause not in own]
