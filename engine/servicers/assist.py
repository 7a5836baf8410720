"""AssistService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import assist_service_pb2 as pb
from yingda.v1 import event_pb2
from yingda.v1.assist_service_pb2_grpc import AssistServiceServicer

from engine.assist.suggester import Suggester
from engine.decision_thread import DecisionThread
from engine.domain import Suggestion
from engine.errors import InvalidArgumentError
from engine.history import History
from engine.servicers import check, convert

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_LIMIT = 3
MAX_LIMIT = 20
MAX_TYPED = 8192  # bytes
MAX_ID = 128  # bytes


class AssistServicer(AssistServiceServicer):
    """Helps an agent to answer."""

    def __init__(self, *, suggester: Suggester, history: History, thread: DecisionThread) -> None:
        self._suggester = suggester
        self._history = history
        self._thread = thread

    async def SuggestReplies(
        self, request: pb.SuggestRepliesRequest, context: Context
    ) -> pb.SuggestRepliesResponse:
        """See assist_service.proto."""
        check.at_most("typed_text", request.typed_text, MAX_TYPED)
        check.at_most("conversation_id", request.conversation_id, MAX_ID)
        check.one_of("language", request.language, ("", "zh", "en"))
        check.between("limit", request.limit, 0, MAX_LIMIT)
        if not request.typed_text and not request.conversation_id:
            raise InvalidArgumentError("typed_text", "give typed_text, conversation_id or both")
        suggestions = await self._thread.run(self._suggest, request)
        return pb.SuggestRepliesResponse(
            suggestions=[convert.suggestion_to_proto(one) for one in suggestions]
        )

    def _suggest(self, request: pb.SuggestRepliesRequest) -> list[Suggestion]:
        context = ""
        if request.conversation_id:
            record = self._history.last_record(request.tenant, request.conversation_id)
            context = event_pb2.MessageReceived.FromString(record).message.text
        return self._suggester.suggest(
            request.tenant,
            typed=request.typed_text,
            context=context,
            language=request.language,
            limit=request.limit or DEFAULT_LIMIT,
        )
