"""The hot path's bytes: messages to columns, decisions to answers, each serialised once.

An answer's bytes are sent, journaled, and sent again to duplicates; they are never parsed on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from yingda.v1 import analysis_pb2, answer_pb2, event_pb2, message_pb2

from engine.domain import Advice, AnalysisBatch, Assignment, Heard, MessageBatch
from engine.servicers import convert, wire


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
        metadata=[message.metadata for message in messages],
        raw=raw,
    )


def results(batch: MessageBatch, answers: Sequence[bytes]) -> list[bytes]:
    """One `results` field of a ProcessMessagesResponse per message; joined, they are the response."""
    return [
        wire.field(1, wire.field(1, message_id.encode()) + wire.field(2, answer))
        for message_id, answer in zip(batch.message_ids, answers, strict=True)
    ]


class ProtoCodec:
    """See `ports.Codec`."""

    def answers(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """See `ports.Codec`."""
        analyses = convert.analyses_to_proto(analysis)
        return [_answer(*row) for row in zip(conversation_ids, analyses, assignments, advice, strict=True)]

    def record(self, raw: bytes, answer: bytes) -> bytes:
        """A serialised MessageReceived."""
        return wire.field(1, raw) + wire.field(2, answer)

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

    def closed(self, agent_id: str) -> bytes:
        """A serialised ConversationClosed."""
        return event_pb2.ConversationClosed(agent_id=agent_id).SerializeToString()


def _answer(
    conversation_id: str,
    analysis: analysis_pb2.Analysis,
    assignment: Assignment,
    advice: Advice,
) -> bytes:
    answer = answer_pb2.MessageAnswer(
        conversation_id=conversation_id,
        analysis=analysis,
        assignment=convert.assignment_to_proto(assignment),
        suggestions=[convert.suggestion_to_proto(one) for one in advice.suggestions],
        auto_reply=convert.auto_reply_to_proto(advice.auto_reply) if advice.auto_reply else None,
    )
    return answer.SerializeToString()
