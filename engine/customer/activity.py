"""Journals what customers do beside writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from engine.domain import Change, Conversation, Event, StoredEvent
from engine.ports import Clock, Store

KIND = "activity_recorded"
_LATEST_CONVERSATIONS = 10  # of a customer, that are looked through


@dataclass(frozen=True, slots=True)
class Trail:
    """What one customer did, as it is journaled: the payload of one event."""

    channel: int
    customer_id: str
    data: bytes

    @property
    def customer(self) -> tuple[int, str]:
        """Names the customer within the tenant."""
        return self.channel, self.customer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A call: what several customers did. `size` counts what was done."""

    tenant: str
    trails: Sequence[Trail]
    request_id: str
    size: int

    @property
    def key(self) -> str:
        """Names the call for ever within its tenant; "" where it has no name."""
        return f"activity:{self.request_id}" if self.request_id else ""


class Activities:
    """Called on the decision thread."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def record(self, recordings: Sequence[Recording]) -> list[bool]:
        """Journal them all in one commit; of each, whether it was recorded before. Raises: StorageError."""
        seen: set[tuple[str, str]] = set()
        fresh: list[Recording] = []
        for one in recordings:  # of two calls of one name in a batch, the second is a repeated one
            if not one.key or (one.tenant, one.key) not in seen:
                fresh.append(one)
                seen.add((one.tenant, one.key))
        committed = self._store.commit([self._change(one) for one in fresh])
        kept = {id(one) for one, done in zip(fresh, committed, strict=True) if done}
        return [id(one) not in kept for one in recordings]

    def latest(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[StoredEvent]:
        """The customer's newest recorded events, newest first; each may hold several things that were done."""
        conversations = self._store.of_customer(tenant, channel, customer_id, _LATEST_CONVERSATIONS)
        places = [trail_id(channel, customer_id), *(one.conversation_id for one in conversations)]
        found = chain.from_iterable(self._store.latest_events(tenant, place, KIND, limit) for place in places)
        return sorted(found, key=lambda one: -one.sequence)[:limit]

    def _change(self, recording: Recording) -> Change:
        now_ms = self._clock.now_ms()
        customers = list(dict.fromkeys(one.customer for one in recording.trails))
        open_ = self._store.open_conversations(recording.tenant, customers)
        events = [
            Event(
                conversation_id=_place(one, open_.get(one.customer)),
                kind=KIND,
                time_ms=now_ms,
                data=one.data,
                key=recording.key if not number else "",
            )
            for number, one in enumerate(recording.trails)
        ]
        return Change(tenant=recording.tenant, events=events)


def trail_id(channel: int, customer_id: str) -> str:
    """Where a customer's activities stand while no conversation is open; no conversation has such an id.

    Whoever deletes a customer's texts deletes what stands here as well.
    """
    return f"~{channel}:{customer_id}"


def _place(trail: Trail, conversation: Conversation | None) -> str:
    return conversation.conversation_id if conversation else trail_id(trail.channel, trail.customer_id)
