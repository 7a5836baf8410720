"""ConversationService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import conversation_pb2
from yingda.v1 import conversation_service_pb2 as pb
from yingda.v1.conversation_service_pb2_grpc import ConversationServiceServicer

from engine.analysis.analyzer import Analyzer
from engine.decision_thread import DecisionThread
from engine.domain import ConversationState, Requirement
from engine.errors import InvalidArgumentError
from engine.history import History
from engine.routing.dispatcher import Dispatcher
from engine.servicers import check, convert

Context = grpc.aio.ServicerContext[Any, Any]
MAX_TEXT = 8192  # bytes
MAX_CANDIDATES = 1000


class ConversationServicer(ConversationServiceServicer):
    """Conversations and what happened in them."""

    def __init__(
        self, *, history: History, dispatcher: Dispatcher, analyzer: Analyzer, thread: DecisionThread
    ) -> None:
        self._history = history
        self._dispatcher = dispatcher
        self._analyzer = analyzer
        self._thread = thread

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Context
    ) -> pb.GetConversationResponse:
        """See conversation_service.proto."""
        found = await self._thread.run(self._history.conversation, request.tenant, request.conversation_id)
        return pb.GetConversationResponse(conversation=convert.conversation_to_proto(found))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Context
    ) -> pb.ListConversationsResponse:
        """See conversation_service.proto."""
        size = check.page_size(request.page_size)
        state = _state(request.state)
        before = _position(request.page_token)
        found = await self._thread.run(self._history.conversations, request.tenant, state, before, size + 1)
        page = [convert.conversation_to_proto(one) for one in found[:size]]
        token = f"{found[size - 1].opened_ms}:{found[size - 1].conversation_id}" if len(found) > size else ""
        return pb.ListConversationsResponse(conversations=page, next_page_token=token)

    async def CloseConversation(
        self, request: pb.CloseConversationRequest, context: Context
    ) -> pb.CloseConversationResponse:
        """See conversation_service.proto."""
        closed = await self._thread.run(self._dispatcher.close, request.tenant, request.conversation_id)
        return pb.CloseConversationResponse(conversation=convert.conversation_to_proto(closed))

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        """See conversation_service.proto."""
        size = check.page_size(request.page_size)
        after = check.page_number(request.page_token)
        found = await self._thread.run(
            self._history.events, request.tenant, request.conversation_id, after, size + 1
        )
        page = [convert.event_to_proto(one) for one in found[:size]]
        token = str(page[-1].sequence) if len(found) > size else ""
        return pb.ListEventsResponse(events=page, next_page_token=token)

    async def ExplainAssignment(
        self, request: pb.ExplainAssignmentRequest, context: Context
    ) -> pb.ExplainAssignmentResponse:
        """See conversation_service.proto."""
        check.filled("text", request.text, MAX_TEXT)
        return await self._thread.run(self._explain, request)

    def _explain(self, request: pb.ExplainAssignmentRequest) -> pb.ExplainAssignmentResponse:
        analysis = self._analyzer.analyze([request.text])
        requirement = Requirement(skill=analysis.skills[0], language=analysis.languages[0])
        assignment, candidates = self._dispatcher.explain(request.tenant, requirement)
        return pb.ExplainAssignmentResponse(
            analysis=convert.analyses_to_proto(analysis)[0],
            assignment=convert.assignment_to_proto(assignment),
            candidates=[convert.candidate_to_proto(one) for one in candidates[:MAX_CANDIDATES]],
        )


def _state(number: conversation_pb2.ConversationState.ValueType) -> ConversationState | None:
    if number and number not in convert.STATES:
        raise InvalidArgumentError("state", "must be waiting, assigned, closed or not given")
    return convert.STATES.get(number)


def _position(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    opened_ms, _, conversation_id = token.partition(":")
    if not opened_ms or not conversation_id:
        raise InvalidArgumentError("page_token", "is not one that a page gave")
    return check.page_number(opened_ms), conversation_id
