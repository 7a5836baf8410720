"""Values of the Redis store to domain values and back.

A conversation is three lines: its version; its places, JSON [[key, score, member], ...], the sorted sets it stands in;
its record, JSON. The functions in redis.lua read the first two and pass on the third.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from engine import roster as rosters
from engine.domain import (
    Agent,
    Change,
    Conversation,
    ConversationState,
    Event,
    Presence,
    Roster,
    StoredEvent,
)
from engine.stores import detail, redis_workflow_rows

TENANTS = "yingda:tenants"
_DIGITS = 15  # of a time in a sorted set's member, so that order of text is order of time
BEFORE_ID = _DIGITS + 1  # characters before the id in a member of a list
_LINES = 3  # of a conversation
_COLUMNS = 8  # of a record, before the detail


def prefix_of(tenant: str) -> str:
    """What every key of the tenant begins with: its hash tag puts them all into one slot."""
    return f"yingda:{{{quote(tenant, safe='')}}}"


def tenant_of(prefix: str) -> str:
    """The tenant whose prefix it is."""
    return unquote(prefix.removeprefix("yingda:{").removesuffix("}"))


def conversation_value(one: Conversation) -> bytes:
    """See the module."""
    places = detail.encode(list(_places(one)))
    record = detail.encode(
        [
            one.conversation_id,
            one.channel,
            one.customer_id,
            one.state,
            one.agent_id,
            one.opened_ms,
            one.updated_ms,
            one.due_ms,
            *detail.conversation_parts(one),
        ]
    )
    return f"{one.version}\n{places}\n{record}".encode()


def conversation(value: bytes) -> Conversation:
    """From its lines."""
    return _conversation(value.decode().split("\n"))


def conversations(values: bytes) -> list[Conversation]:
    """From the lines of any number of them."""
    lines = values.decode().split("\n")
    return [_conversation(lines[at : at + _LINES]) for at in range(0, len(lines), _LINES)]


def _conversation(lines: Sequence[str]) -> Conversation:
    record = json.loads(lines[2])
    return Conversation(
        conversation_id=record[0],
        channel=record[1],
        customer_id=record[2],
        state=ConversationState(record[3]),
        agent_id=record[4],
        opened_ms=record[5],
        updated_ms=record[6],
        due_ms=record[7],
        version=int(lines[0]),
        **detail.parts_fields(record[_COLUMNS:]),
    )


def _places(one: Conversation) -> Iterator[tuple[object, ...]]:
    """The sorted sets it stands in: key behind the prefix, score, member; more may follow, for comparison."""
    listed = list_member(one.opened_ms, one.conversation_id)
    yield "list", 0, listed
    yield list_key(one.state), 0, listed
    yield f"customer:{one.channel}:{one.customer_id}", one.opened_ms, one.conversation_id
    for queue in one.queues:
        # Whom it may go to is no place, but whoever decided without knowing must be told.
        yield f"queue:{queue}", one.rank_ms, one.conversation_id, one.declined, one.mood.is_angry
    if one.state is not ConversationState.CLOSED:
        yield _open_key(one), one.opened_ms, one.conversation_id
    if one.agent_id:
        yield f"held:{one.agent_id}", 0, one.conversation_id
    if one.due_ms > 0:
        yield "due", one.due_ms, one.conversation_id


def _open_key(one: Conversation) -> str:
    return f"open:{one.channel}:{one.customer_id}"


def list_key(state: ConversationState | None) -> str:
    """Where the conversations of a state are listed, or all."""
    return "list" if state is None else f"list:{state}"


def list_member(opened_ms: int, conversation_id: str) -> str:
    """Sorts by time, then by id."""
    return f"{opened_ms:0{_DIGITS}d} {conversation_id}"


def event_value(one: Event, place: int) -> bytes:
    """A line of kind, time, length of the key, place in its commit and cause; then the key and the data."""
    key = one.key.encode()
    head = b"%b %d %d %d %d %d" % (one.kind.encode(), one.time_ms, len(key), place, one.by, one.after)
    return b"%b\n%b%b" % (head, key, one.data)


def with_data(value: bytes, data: bytes) -> bytes:
    """A stored entry with another payload."""
    head, _, rest = value.partition(b"\n")
    length = int(head.split(b" ")[3])
    return b"%b\n%b%b" % (head, rest[:length], data)


def stored_event(conversation_id: str, value: bytes) -> StoredEvent:
    """The sequence and what `event_value` made."""
    head, _, rest = value.partition(b"\n")
    sequence, kind, time_ms, length, place, by, after = head.split(b" ")
    end = int(length)
    event = Event(
        conversation_id=conversation_id,
        kind=kind.decode(),
        time_ms=int(time_ms),
        data=rest[end:],
        key=rest[:end].decode(),
        by=int(by),
        after=int(after),
    )
    return StoredEvent(sequence=int(sequence), commit=int(sequence) - int(place), event=event)


def changes_arguments(changes: Sequence[Change]) -> tuple[str, bytes]:
    """Header and texts, as the function `commit` takes them."""
    texts: list[bytes] = []
    counts = []
    for change in changes:
        conversations = [*change.conversations, *change.kept]
        for one in conversations:
            texts += one.conversation_id.encode(), conversation_value(one)
        for place, entry in enumerate(change.events):
            texts += entry.conversation_id.encode(), entry.key.encode(), event_value(entry, place)
        counts.append(_header(change, len(conversations)))
    return detail.encode({"lengths": list(map(len, texts)), "changes": counts}), b"".join(texts)


def _header(change: Change, conversations: int) -> dict[str, object]:
    header: dict[str, object] = {
        "conversations": conversations,
        "events": len(change.events),
        "claims": dict(change.claims),
        "streaks": dict(change.streaks),
        "alone": [
            [one.conversation_id, _open_key(one)]
            for one in change.conversations
            if one.conversation_id in change.alone
        ],
        "drained": dict(change.drained),
        "opened": list(change.opened),
        **redis_workflow_rows.part_of_header(change.follow_up),
    }
    return header if change.mark is None else header | {"mark": change.mark}


def roster(found: Sequence[Sequence[bytes]]) -> Roster:
    """From what the function `roster` gives, each part as HGETALL does."""
    profiles, capacities, presences, loads, streaks = (_mapping(part) for part in found)
    ids = sorted(profiles)
    standing = [presence_of(presences[one]) for one in ids]
    return rosters.make(
        [agent(one, profiles[one], int(capacities[one])) for one in ids],
        presences=[presence for presence, _ in standing],
        leases=[lease_ms for _, lease_ms in standing],
        load=[int(loads.get(one, 0)) for one in ids],
        streak=[int(streaks.get(one, 0)) for one in ids],
    )


def _mapping(flat: Sequence[bytes]) -> dict[str, str]:
    texts = [one.decode() for one in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def agent(agent_id: str, profile: str, capacity: int) -> Agent:
    """From its parts."""
    return Agent(agent_id=agent_id, capacity=capacity, **detail.agent_fields(profile))


def presence_of(text: str) -> tuple[Presence, int]:
    """From "presence lease_ms"."""
    presence, lease_ms = text.split(" ")
    return Presence(presence), int(lease_ms)


def changed_agents(value: bytes) -> Mapping[str, Mapping[str, Any]]:
    """An entry of the roster stream: any of "agents", "presences", "loads", "streaks", by agent."""
    changed: Mapping[str, Mapping[str, Any]] = json.loads(value)
    return changed
