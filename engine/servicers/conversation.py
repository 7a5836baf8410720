"""ConversationService."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from yingda.v1 import conversation_pb2, event_pb2
from yingda.v1 import conversation_service_pb2 as pb

from engine.analysis.analyzer import Analyzer
from engine.bots.speaker import Outgoing, Speaker
from engine.domain import NO_HINTS, Assignment, Candidate, ConversationState
from engine.errors import InvalidArgumentError
from engine.history import History
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.routing.requirement import requirement_of
from engine.servicers import check, convert, convert_timeline
from engine.servicers.position import position_of
from engine.servicers.recorder import Recorder
from engine.servicers.timeline import Timeline, TimelineServicer

Context = grpc.aio.ServicerContext[Any, Any]
MAX_TEXT = 8192  # bytes
MAX_ID = 128  # bytes
MAX_CANDIDATES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeds:
    """What can be done to conversations, beside sending messages."""

    lifecycle: Lifecycle
    speaker: Speaker
    recorder: Recorder


class ConversationServicer(TimelineServicer):
    """Conversations and what happened in them."""

    def __init__(
        self,
        *,
        history: History,
        dispatcher: Dispatcher,
        deeds: Deeds,
        analyzer: Analyzer,
        timeline: Timeline,
    ) -> None:
        super().__init__(timeline=timeline, classifier=analyzer.classifier)
        self._history = history
        self._lifecycle = deeds.lifecycle
        self._dispatcher = dispatcher
        self._analyzer = analyzer
        self._speaker = deeds.speaker
        self._recorder = deeds.recorder
        self._thread = timeline.thread

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Context
    ) -> pb.GetConversationResponse:
        """See conversation_service.proto."""
        tenant, name = request.tenant, request.conversation_id
        if request.HasField("as_of_time"):
            found = await self._state_at(tenant, name, convert_timeline.milliseconds(request.as_of_time))
        else:
            found = await self._thread.run(self._history.conversation, tenant, name)
        return pb.GetConversationResponse(conversation=convert.conversation_to_proto(found))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Context
    ) -> pb.ListConversationsResponse:
        """See conversation_service.proto."""
        size = check.page_size(request.page_size)
        state = _state(request.state)
        before = position_of(request.page_token)
        found = await self._thread.run(self._history.conversations, request.tenant, state, before, size + 1)
        page = [convert.conversation_to_proto(one) for one in found[:size]]
        token = f"{found[size - 1].opened_ms}:{found[size - 1].conversation_id}" if len(found) > size else ""
        return pb.ListConversationsResponse(conversations=page, next_page_token=token)

    async def CloseConversation(
        self, request: pb.CloseConversationRequest, context: Context
    ) -> pb.CloseConversationResponse:
        """See conversation_service.proto."""
        closed = await self._thread.run(self._lifecycle.close, request.tenant, request.conversation_id)
        return pb.CloseConversationResponse(conversation=convert.conversation_to_proto(closed))

    async def TransferConversation(
        self, request: pb.TransferConversationRequest, context: Context
    ) -> pb.TransferConversationResponse:
        """See conversation_service.proto."""
        if request.WhichOneof("target") is None:
            raise InvalidArgumentError("target", "is required: agent_id, team or skill")
        check.at_most("request_id", request.request_id, MAX_ID)
        conversation, assignment = await self._thread.run(
            self._lifecycle.transfer,
            request.tenant,
            request.conversation_id,
            agent_id=request.agent_id,
            team=request.team,
            skill=request.skill,
            request_id=request.request_id,
        )
        return pb.TransferConversationResponse(
            conversation=convert.conversation_to_proto(conversation),
            assignment=convert.assignment_to_proto(assignment),
        )

    async def JoinConversation(
        self, request: pb.JoinConversationRequest, context: Context
    ) -> pb.JoinConversationResponse:
        """See conversation_service.proto."""
        joined = await self._thread.run(
            self._lifecycle.join, request.tenant, request.conversation_id, request.agent_id
        )
        return pb.JoinConversationResponse(conversation=convert.conversation_to_proto(joined))

    async def CompleteConversation(
        self, request: pb.CompleteConversationRequest, context: Context
    ) -> pb.CompleteConversationResponse:
        """See conversation_service.proto."""
        completed = await self._thread.run(self._lifecycle.complete, request.tenant, request.conversation_id)
        return pb.CompleteConversationResponse(conversation=convert.conversation_to_proto(completed))

    async def SendReply(self, request: pb.SendReplyRequest, context: Context) -> pb.SendReplyResponse:
        """See conversation_service.proto."""
        outgoing = _outgoing(request)
        data, duplicate = await self._thread.run(
            self._speaker.send, request.tenant, request.conversation_id, outgoing
        )
        return pb.SendReplyResponse(message=event_pb2.MessageSent.FromString(data), duplicate=duplicate)

    async def RecordActivity(
        self, request: pb.RecordActivityRequest, context: Context
    ) -> pb.RecordActivityResponse:
        """See conversation_service.proto."""
        return await self._recorder.record(request)

    async def ListActivity(
        self, request: pb.ListActivityRequest, context: Context
    ) -> pb.ListActivityResponse:
        """See conversation_service.proto."""
        return await self._recorder.latest(request)

    async def ExplainAssignment(
        self, request: pb.ExplainAssignmentRequest, context: Context
    ) -> pb.ExplainAssignmentResponse:
        """See conversation_service.proto."""
        if request.text and request.conversation_id:
            raise InvalidArgumentError("text", "give a text or a conversation_id, not both")
        if not request.conversation_id:
            check.filled("text", request.text, MAX_TEXT)
        return await self._thread.run(self._explain, request)

    def _explain(self, request: pb.ExplainAssignmentRequest) -> pb.ExplainAssignmentResponse:
        if request.conversation_id:
            return self._explain_conversation(request)
        analysis = self._analyzer.analyze([request.text])
        hints = convert.hints_from_proto(request.routing) if request.HasField("routing") else NO_HINTS
        asked = requirement_of(analysis, 0, hints)
        response = self._explanation(*self._dispatcher.explain(request.tenant, asked))
        response.analysis.CopyFrom(convert.analyses_to_proto(analysis)[0])
        return response

    def _explain_conversation(self, request: pb.ExplainAssignmentRequest) -> pb.ExplainAssignmentResponse:
        found = self._history.conversation(request.tenant, request.conversation_id)
        record = self._history.last_record(request.tenant, request.conversation_id)
        explained = self._dispatcher.explain(request.tenant, found.requirement, found)
        response = self._explanation(*explained)
        response.analysis.CopyFrom(event_pb2.MessageReceived.FromString(record).answer.analysis)
        return response

    def _explanation(
        self, assignment: Assignment, candidates: Sequence[Candidate]
    ) -> pb.ExplainAssignmentResponse:
        return pb.ExplainAssignmentResponse(
            assignment=convert.assignment_to_proto(assignment),
            candidates=[convert.candidate_to_proto(one) for one in candidates[:MAX_CANDIDATES]],
        )


def _outgoing(request: pb.SendReplyRequest) -> Outgoing:
    """Raises: InvalidArgumentError."""
    check.filled("request_id", request.request_id, MAX_ID)
    check.filled("text", request.text, MAX_TEXT)
    check.at_most("reply_id", request.reply_id, check.MAX_NAME)
    check.at_most("in_reply_to_message_id", request.in_reply_to_message_id, MAX_ID)
    author = request.WhichOneof("author")
    if author is None:
        raise InvalidArgumentError("author", "is required: agent_id or bot_id")
    check.identifier(author, getattr(request, author))
    return Outgoing(
        request_id=request.request_id,
        text=request.text,
        agent_id=request.agent_id,
        bot_id=request.bot_id,
        reply_id=request.reply_id,
        in_reply_to_message_id=request.in_reply_to_message_id,
    )


def _state(number: conversation_pb2.ConversationState.ValueType) -> ConversationState | None:
    if number and number not in convert.STATES:
        raise InvalidArgumentError(
            "state", "must be waiting, offered, assigned, wrapping, closed or not given"
        )
    return convert.STATES.get(number)
