"""ReplyService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import reply_service_pb2 as pb
from yingda.v1.reply_service_pb2_grpc import ReplyServiceServicer

from engine.assist.suggester import Suggester
from engine.decision_thread import DecisionThread
from engine.servicers import check, convert

Context = grpc.aio.ServicerContext[Any, Any]


class ReplyServicer(ReplyServiceServicer):
    """The tenant's canned replies."""

    def __init__(self, *, suggester: Suggester, thread: DecisionThread) -> None:
        self._suggester = suggester
        self._thread = thread

    async def PutReply(self, request: pb.PutReplyRequest, context: Context) -> pb.PutReplyResponse:
        """See reply_service.proto."""
        reply = convert.reply_from_proto(request.reply)
        await self._thread.run(self._suggester.put, request.tenant, reply)
        return pb.PutReplyResponse(reply=convert.reply_to_proto(reply))

    async def ListReplies(self, request: pb.ListRepliesRequest, context: Context) -> pb.ListRepliesResponse:
        """See reply_service.proto."""
        size = check.page_size(request.page_size)
        replies = {
            one.reply_id: one for one in await self._thread.run(self._suggester.replies, request.tenant)
        }
        page, token = check.page_by_id(sorted(replies), request.page_token, size)
        return pb.ListRepliesResponse(
            replies=[convert.reply_to_proto(replies[one]) for one in page], next_page_token=token
        )

    async def DeleteReply(self, request: pb.DeleteReplyRequest, context: Context) -> pb.DeleteReplyResponse:
        """See reply_service.proto."""
        await self._thread.run(self._suggester.delete, request.tenant, request.reply_id)
        return pb.DeleteReplyResponse()
