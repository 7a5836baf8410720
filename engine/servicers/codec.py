"""The hot path's bytes: messages to columns, decisions to answers, each serialised once.

An answer's bytes are sent, journaled, and sent again to duplicates; they are never parsed on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message
from yingda.v1 import answer_pb2, event_pb2, message_pb2

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


def decode(raw: Sequence[bytes]) -> MessageBatch:
    """Serialised `Message`s, validated by the gateway, as columns."""
    messages = [message_pb2.Message.FromString(one) for one in raw]
    return MessageBatch(
        tenants=[message.tenant for message in messages],
        channels=[message.channel for message in messages],
        message_ids=[message.message_id for message in messages],
        conversation_ids=[message.conversation_id for message in messages],
        customer_ids=[message.customer_id for message in messages],
        texts=[message.text for message in messages],
        locales=[message.locale for message in messages],
        hints=[_hints(message) for message in messages],
        metadata=[message.metadata for message in messages],
        raw=raw,
    )


def results(batch: MessageBatch, answers: Sequence[bytes]) -> list[bytes]:
    """One `results` field of a ProcessMessagesResponse per message; joined, they are the response."""
    found = []
    for message_id, answer in zip(batch.message_ids, answers, strict=True):
        name, head = wire.field(1, message_id.encode()), wire.head(2, len(answer))
        found.append(b"".join((wire.head(1, len(name) + len(head) + len(answer)), name, head, answer)))
    return found


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
        return [
            b"".join((wire.head(1, len(one)), one, wire.head(2, len(answer)), answer))
            for one, answer in zip(raw, answers, strict=True)
        ]

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
        event = event_pb2.Event(**{kind: fields})  # type: ignore[arg-type]  # a dict stands for the message
        payload: Message = getattr(event, kind)
        return payload.SerializeToString()


def _hints(message: message_pb2.Message) -> Hints:
    return convert.hints_from_proto(message.routing) if message.HasField("routing") else NO_HINTS
