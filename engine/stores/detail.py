"""What stores keep as one JSON text, since nothing asks for it by condition: replies, and parts of agents and such."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from engine.domain import Agent, Conversation, Mood, Reply, Requirement, Shift

encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode  # made once: it is called for every message
_decode = json.JSONDecoder().raw_decode  # without a look for blanks around, which `encode` writes none of
_TAGS = 13  # place of the tags in a conversation's parts; what older releases kept ends before it
_GIVEN = 8  # place of what is there where a requirement's skill was given
_KEPT = 8192  # requirements remembered; rounded probabilities make many equal
_TEXTS: dict[int, tuple[Requirement, str]] = {}  # by id


def agent_profile(agent: Agent) -> str:
    """Everything of an agent but its id and capacity."""
    return encode(
        {
            "name": agent.name,
            "skills": dict(agent.skills),
            "languages": sorted(agent.languages),
            "teams": sorted(agent.teams),
            "shifts": [[one.weekday, one.start_minute, one.end_minute] for one in agent.shifts],
            "time_zone": agent.time_zone,
        },
    )


def agent_fields(profile: str) -> dict[str, Any]:
    """What `agent_profile` kept, as arguments of `Agent`."""
    kept = json.loads(profile)
    return {
        "name": kept["name"],
        "skills": kept["skills"],
        "languages": frozenset(kept["languages"]),
        "teams": frozenset(kept["teams"]),
        "shifts": tuple(Shift(weekday=a, start_minute=b, end_minute=c) for a, b, c in kept["shifts"]),
        "time_zone": kept["time_zone"],
    }


def conversation_detail(one: Conversation) -> str:
    """Everything of a conversation that has no column of its own."""
    return encode(conversation_parts(one))


def conversation_fields(detail: str) -> dict[str, Any]:
    """What `conversation_detail` kept, as arguments of `Conversation`."""
    return parts_fields(_decode(detail)[0])


def conversation_parts(one: Conversation) -> list[object]:
    """The same before it is text."""
    return [
        requirement_text(one.requirement),
        one.units,
        one.reservation_id,
        one.queued_ms,
        one.rank_ms,
        one.relaxation,
        one.queues,
        one.declined,
        one.last_agent_id,
        one.last_agent_ms,
        one.participants,
        round(one.mood.anger, 4),
        one.mood.is_angry,
        one.tags,
    ]


def parts_fields(kept: Sequence[Any]) -> dict[str, Any]:
    """What `conversation_parts` gave, as arguments of `Conversation`."""
    return {
        "requirement": read_requirement(kept[0]),
        "units": kept[1],
        "reservation_id": kept[2],
        "queued_ms": kept[3],
        "rank_ms": kept[4],
        "relaxation": kept[5],
        "queues": tuple(kept[6]),
        "declined": tuple(kept[7]),
        "last_agent_id": kept[8],
        "last_agent_ms": kept[9],
        "participants": tuple(kept[10]),
        "mood": Mood(anger=kept[11], is_angry=kept[12]),
        "tags": tuple(kept[_TAGS]) if len(kept) > _TAGS else (),
    }


def reply_text(reply: Reply) -> str:
    """Everything of a reply."""
    return encode(
        {
            "reply_id": reply.reply_id,
            "intent": reply.intent,
            "language": reply.language,
            "title": reply.title,
            "text": reply.text,
            "slots": reply.slots,
            "questions": reply.questions,
            "teams": sorted(reply.teams),
            "channels": sorted(reply.channels),
            "valid_from_ms": reply.valid_from_ms,
            "valid_until_ms": reply.valid_until_ms,
            "updated_ms": reply.updated_ms,
        },
    )


def reply(text: str | bytes) -> Reply:
    """What `reply_text` made."""
    fields = json.loads(text)
    return Reply(
        **{
            **fields,
            "slots": tuple(fields["slots"]),
            "questions": tuple(fields["questions"]),
            "teams": frozenset(fields["teams"]),
            "channels": frozenset(fields["channels"]),
        }
    )


def requirement_text(one: Requirement) -> str:
    """Everything of a requirement; equal ones are mostly the same object, so each is written once."""
    if (known := _TEXTS.get(id(one))) is not None:
        return known[1]
    if len(_TEXTS) >= _KEPT:
        _TEXTS.clear()
    made = _write_requirement(one)
    _TEXTS[id(one)] = (one, made)  # kept with it, so that no other object has its id
    return made


def _write_requirement(one: Requirement) -> str:
    return encode(
        [
            one.skill,
            dict(one.skills),
            one.language,
            one.agent_id,
            one.preferred_agent_id,
            one.team,
            one.priority,
            one.vip,
            *([True] if one.is_given else []),
        ],
    )


@lru_cache(maxsize=_KEPT)
def read_requirement(text: str) -> Requirement:
    """What `requirement_text` made."""
    kept = json.loads(text)
    return Requirement(
        skill=kept[0],
        skills=kept[1],
        language=kept[2],
        agent_id=kept[3],
        preferred_agent_id=kept[4],
        team=kept[5],
        priority=kept[6],
        vip=kept[7],
        is_given=len(kept) > _GIVEN,
    )


def spellings(text: str) -> list[bytes]:
    """The bytes by which a store may hold a text: as it stands in protobuf, in JSON of either kind, in JSON in JSON."""
    once = encode(text)[1:-1]
    return list(
        dict.fromkeys(one.encode() for one in (text, once, json.dumps(text)[1:-1], encode(once)[1:-1]))
    )
