from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yingda.v1 import agent_pb2, reply_pb2

from engine.domain import ConversationState, Event, Presence, StoredEvent
from engine.errors import InvalidArgumentError
from engine.servicers import convert, convert_reply
from tests.fakes import FieldValue, make_conversation, make_crew

AGENT: dict[str, FieldValue] = {
    "agent_id": "ann",
    "name": "Ann",
    "skills": {"refund": 3},
    "languages": ["zh"],
    "capacity": 2,
}
REPLY: dict[str, FieldValue] = {
    "reply_id": "r",
    "intent": "x",
    "language": "zh",
    "title": "t",
    "text": "hi {name}",
}


def kept(asked: agent_pb2.Agent, **columns: FieldValue) -> agent_pb2.Agent:
    crew = make_crew(convert.agent_from_proto(asked), presences={"ann": Presence.OFFLINE}, **columns)
    return convert.agent_to_proto(crew.roster, "ann")


def test_an_agent_comes_back_as_it_went_in() -> None:
    everything = AGENT | {
        "teams": ["day", "night"],
        "shifts": [agent_pb2.Shift(weekday=7, start_minute=1320, end_minute=1800)],
        "time_zone": "Asia/Shanghai",
    }
    back = kept(agent_pb2.Agent(**everything), load={"ann": 150})

    assert back == agent_pb2.Agent(**everything, presence=agent_pb2.PRESENCE_OFFLINE, load=1.5)


def test_presence_and_load_are_not_the_callers_to_say() -> None:
    back = kept(agent_pb2.Agent(**AGENT, presence=agent_pb2.PRESENCE_ONLINE, load=9))

    assert (back.presence, back.load) == (agent_pb2.PRESENCE_OFFLINE, 0)
    assert back.time_zone == "UTC"


def test_an_agent_without_a_name_is_called_by_its_id() -> None:
    assert convert.agent_from_proto(agent_pb2.Agent(**(AGENT | {"name": ""}))).name == "ann"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": ""}, "agent.agent_id"),
        ({"agent_id": "a b"}, "agent.agent_id"),
        ({"name": "款" * 67}, "agent.name"),
        ({"capacity": 0}, "agent.capacity"),
        ({"capacity": 1001}, "agent.capacity"),
        ({"skills": {}}, "agent.skills"),
        ({"skills": {f"s{n}": 1 for n in range(65)}}, "agent.skills"),
        ({"skills": {"refund": 0}}, "agent.skills"),
        ({"skills": {"refund": 6}}, "agent.skills"),
        ({"skills": {"": 1}}, "agent.skills"),
        ({"skills": {"x" * 65: 1}}, "agent.skills"),
        ({"languages": ["zh"] * 17}, "agent.languages"),
        ({"languages": ["x" * 10_000]}, "agent.languages"),
        ({"teams": ["day"] * 17}, "agent.teams"),
        ({"teams": [""]}, "agent.teams[0]"),
        ({"time_zone": "Mars/Olympus"}, "agent.time_zone"),
        ({"shifts": [agent_pb2.Shift(weekday=1, end_minute=1)] * 33}, "agent.shifts"),
        ({"shifts": [agent_pb2.Shift(weekday=8, end_minute=1)]}, "agent.shifts[0].weekday"),
        ({"shifts": [agent_pb2.Shift(weekday=1, start_minute=1440)]}, "agent.shifts[0].start_minute"),
        (
            {"shifts": [agent_pb2.Shift(weekday=1, start_minute=9, end_minute=9)]},
            "agent.shifts[0].end_minute",
        ),
        ({"shifts": [agent_pb2.Shift(weekday=1, end_minute=2881)]}, "agent.shifts[0].end_minute"),
    ],
)
def test_an_agent_beyond_a_limit_is_refused_by_field(change: dict[str, FieldValue], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        convert.agent_from_proto(agent_pb2.Agent(**(AGENT | change)))

    assert raised.value.field.startswith(field)
    assert len(str(raised.value)) < 300


def test_a_reply_comes_back_with_its_slots() -> None:
    back = convert_reply.reply_to_proto(
        convert_reply.reply_from_proto(reply_pb2.Reply(**REPLY, slots=["made up"]))
    )

    assert back == reply_pb2.Reply(**REPLY, slots=["name"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reply_id": ""}, "reply.reply_id"),
        ({"reply_id": "a/b"}, "reply.reply_id"),
        ({"language": ""}, "reply.language"),
        ({"language": "fr"}, "reply.language"),
        ({"title": "x" * 201}, "reply.title"),
        ({"text": ""}, "reply.text"),
        ({"text": "x" * 4097}, "reply.text"),
        ({"text": "hi {name"}, "reply.text"),
    ],
)
def test_a_reply_beyond_a_limit_is_refused_by_field(change: dict[str, FieldValue], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        convert_reply.reply_from_proto(reply_pb2.Reply(**(REPLY | change)))

    assert raised.value.field == field


@given(time_ms=st.integers(0, 4_000_000_000_000))
def test_a_time_keeps_its_milliseconds(time_ms: int) -> None:
    assert convert.timestamp(time_ms).ToMilliseconds() == time_ms


def test_only_who_waits_has_a_queue_time() -> None:
    waiting = convert.conversation_to_proto(make_conversation(queued_ms=1500))
    closed = convert.conversation_to_proto(make_conversation(state=ConversationState.CLOSED, queued_ms=0))

    assert waiting.queue_time.ToMilliseconds() == 1500
    assert not closed.HasField("queue_time")


def test_a_channel_that_this_release_does_not_know_is_kept() -> None:
    assert convert.conversation_to_proto(make_conversation(channel=4711)).channel == 4711


def test_an_event_of_a_kind_that_this_release_does_not_know_reads_as_absent() -> None:
    event = Event(conversation_id="c1", kind="conversation_painted", time_ms=1, data=b"\xff")
    found = convert.event_to_proto(StoredEvent(sequence=3, commit=3, event=event))

    assert (found.sequence, found.WhichOneof("kind")) == (3, None)


@pytest.mark.parametrize("kind", ["sequence", "conversation_id", "create_time"])
def test_an_event_named_like_another_field_reads_as_absent(kind: str) -> None:
    event = Event(conversation_id="c1", kind=kind, time_ms=1, data=b"")

    assert convert.event_to_proto(StoredEvent(sequence=3, commit=3, event=event)).WhichOneof("kind") is None
