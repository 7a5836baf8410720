"""Conversations that were just opened and given to an agent, as the journal's frame tells of them.

Their rows are written later, so the frame holds what a killed engine had only in memory: for most nothing but whom
they belong to and what they ask for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from struct import Struct

from engine.domain import Conversation, ConversationState, Mood
from engine.stores.detail import encode, read_requirement, requirement_text

# Ends a blob that holds any. Behind pulses alone stands a probability, and none ends in this byte.
_END = b"\xff"
_SIZE = Struct("<I")
_TAIL = _SIZE.size + len(_END)
_USUALLY_EMPTY = attrgetter(
    *("queues", "due_ms", "reservation_id", "queued_ms", "rank_ms", "relaxation"),
    *("declined", "last_agent_id", "participants", "tags"),
)


def is_plain(one: Conversation, time_ms: int) -> bool:
    """Whether a frame can tell all of it: opened at this moment, given to somebody, and nothing else."""
    return (
        one.version == 1
        and one.state is ConversationState.ASSIGNED
        and one.opened_ms == time_ms == one.updated_ms
        and not any(_USUALLY_EMPTY(one))
    )


def packed(pulses: bytes, entries: Mapping[str, int], born: Sequence[Conversation]) -> bytes:
    """The pulses and, behind them, these conversations; `entries` numbers one of the frame's of each."""
    if not born:
        return pulses
    texts = [requirement_text(one.requirement) for one in born]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    columns = [
        [entries[one.conversation_id] for one in born],
        [one.channel for one in born],
        [one.customer_id for one in born],
        [one.agent_id for one in born],
        [one.units for one in born],
        [one.mood.anger for one in born],
        [int(one.mood.is_angry) for one in born],
        [places[text] for text in texts],
        list(places),
    ]
    data = encode(columns).encode()
    return b"".join((pulses, data, _SIZE.pack(len(data)), _END))


def unpacked(blob: bytes) -> tuple[bytes, bytes]:
    """The pulses, and what `read` takes."""
    if not blob.endswith(_END):
        return blob, b""
    (size,) = _SIZE.unpack(blob[-_TAIL : -len(_END)])
    return blob[: -_TAIL - size], blob[-_TAIL - size : -_TAIL]


def read(data: bytes, names: Sequence[str], times: Sequence[int]) -> Iterator[Conversation]:
    """The conversations, of a frame whose entries are of these conversations and times."""
    if not data:
        return
    *columns, texts = json.loads(data)
    for number, channel, customer_id, agent_id, units, anger, is_angry, place in zip(*columns, strict=True):
        yield Conversation(
            conversation_id=names[number],
            channel=channel,
            customer_id=customer_id,
            state=ConversationState.ASSIGNED,
            requirement=read_requirement(texts[place]),
            agent_id=agent_id,
            units=units,
            opened_ms=times[number],
            updated_ms=times[number],
            mood=Mood(anger=anger, is_angry=bool(is_angry)),
            version=1,
        )
