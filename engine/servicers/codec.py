"""The hot path's bytes: messages to columns, decisions to answers, each serialised once.

An answer's bytes are sent, journaled, and sent again to duplicates; they are never parsed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from yingda.v1 import answer_pb2, event_pb2, message_pb2
from yingda.v1.engine_service_pb2 import ProcessMessagesRequest, RawFrame

from engine.domain import (
    NO_HINTS,
    Advice,
    Agent,
    AnalysisBatch,
    Assignment,
    Heard,
    Hints,
    MessageBatch,
    Presence,
)
from engine.routing.policy import Policy
from engine.servicers import convert, wire
from engine.servicers.answer import AnswerWriter


class Frame(NamedTuple):
    """A request as it came, and its messages, each as it came."""

    request: bytes
    messages: Sequence[bytes]


def decode(raw: Sequence[bytes]) -> MessageBatch:
    """Serialised `Message`s, validated by the gateway, as columns."""
    return _columns([message_pb2.Message.FromString(one) for one in raw], raw)


def split(request: bytes) -> Frame:
    """A serialised ProcessMessagesRequest."""
    return Frame(request, RawFrame.FromString(request).messages)


def decode_frames(frames: Sequence[Frame]) -> MessageBatch:
    """The messages of all, as columns."""
    read = [one for frame in frames for one in ProcessMessagesRequest.FromString(frame.request).messages]
    return _columns(read, [one for frame in frames for one in frame.messages])


def results(batch: MessageBatch, answers: Sequence[bytes]) -> list[bytes]:
    """One `results` field of a ProcessMessagesResponse per message; joined, they are the response."""
    names = [one.encode() for one in batch.message_ids]
    parts = list(zip(wire.framed(1, names), names, wire.framed(2, answers), answers, strict=True))
    found = list(map(b"".join, parts))
    return [head + one for head, one in zip(wire.framed(1, found), found, strict=True)]


class ProtoCodec:
    """See `ports.Codec`."""

    def __init__(self) -> None:
        self._writer = AnswerWriter()

    def answers(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """See `ports.Codec`."""
        return self._writer.write(conversation_ids, analysis, assignments, advice)

    def records(self, raw: Sequence[bytes], answers: Sequence[bytes]) -> list[bytes]:
        """Each a serialised MessageReceived."""
        parts = zip(wire.framed(1, raw), raw, wire.framed(2, answers), answers, strict=True)
        return list(map(b"".join, parts))

    def answer_in(self, record: bytes) -> bytes:
        """See `ports.Codec`."""
        return event_pb2.MessageReceived.FromString(record).answer.SerializeToString()

    def heard(self, record: bytes) -> Heard:
        """See `ports.Codec`."""
        received = event_pb2.MessageReceived.FromString(record)
        answer = received.answer
        candidates = answer.analysis.candidates
        return Heard(
            text=received.message.text,
            channel=received.message.channel,
            customer_id=received.message.customer_id,
            metadata=dict(received.message.metadata),
            intent=candidates[0].intent if candidates else answer.analysis.intent,
            similarity=max((one.similarity for one in answer.suggestions), default=-1.0),
        )

    def again(self, answer: bytes) -> bytes:
        """The answer with `duplicate` set."""
        return answer + wire.true(answer_pb2.MessageAnswer.DUPLICATE_FIELD_NUMBER)

    def assigned(self, assignment: Assignment) -> bytes:
        """A serialised ConversationAssigned."""
        kind = event_pb2.ConversationAssigned(assignment=convert.assignment_to_proto(assignment))
        return kind.SerializeToString()

    def basis(self, policy: Policy, read: AnalysisBatch | None) -> bytes:
        """A serialised BasisChanged."""
        return event_pb2.BasisChanged(
            policy_version=policy.version,
            policy=policy.to_json(),
            bundle_id=read.bundle_id if read else "",
            skills=dict(read.skill_of) if read else {},
        ).SerializeToString()

    def presence(self, agent_ids: Sequence[str], presence: Presence, how: str) -> bytes:
        """A serialised PresenceChanged."""
        return event_pb2.PresenceChanged(
            agent_ids=agent_ids, presence=convert.PRESENCE_NUMBERS[presence], how=how
        ).SerializeToString()

    def agent(self, agent: Agent) -> bytes:
        """A serialised AgentPut."""
        return event_pb2.AgentPut(agent=convert.profile_to_proto(agent)).SerializeToString()

    def event(self, kind: str, **fields: str | int | float | bool) -> bytes:
        """See `ports.Codec`."""
        return _kind(kind)(**fields).SerializeToString()


@cache
def _kind(name: str) -> Callable[..., Message]:
    """The message that an Event has in this field."""
    field = event_pb2.Event.DESCRIPTOR.fields_by_name[name]
    assert field.message_type is not None
    return GetMessageClass(field.message_type)


def _columns(messages: Sequence[message_pb2.Message], raw: Sequence[bytes]) -> MessageBatch:
    return MessageBatch(
        tenants=[message.tenant for message in messages],
        channels=[message.channel for message in messages],
        message_ids=[message.message_id for message in messages],
        conversation_ids=[message.conversation_id for message in messages],
        customer_ids=[message.customer_id for message in messages],
        texts=[message.text for message in messages],
        locales=[message.locale for message in messages],
        hints=[_hints(message) if message.HasField("routing") else NO_HINTS for message in messages],
        metadata=[message.metadata for message in messages],
        raw=raw,
    )


def _hints(message: message_pb2.Message) -> Hints:
    return convert.hints_from_proto(message.routing)
