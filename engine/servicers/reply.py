"""ReplyService."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Sequence
from concurrent.futures import Executor
from operator import attrgetter
from typing import Any

import grpc
from yingda.v1 import reply_pb2
from yingda.v1 import reply_service_pb2 as pb
from yingda.v1.reply_service_pb2_grpc import ReplyServiceServicer

from engine.assist.bookkeeper import Bookkeeper
from engine.assist.reviewer import Reviewer
from engine.decision_thread import DecisionThread
from engine.domain import Reply
from engine.servicers import check, convert_reply

Context = grpc.aio.ServicerContext[Any, Any]
MAX_IMPORT = 10_000
MAX_FINDINGS = 1000


class ReplyServicer(ReplyServiceServicer):
    """The tenant's canned replies. They change on the decision thread and are compared on the searchers'."""

    def __init__(
        self, *, bookkeeper: Bookkeeper, reviewer: Reviewer, thread: DecisionThread, searchers: Executor
    ) -> None:
        self._bookkeeper = bookkeeper
        self._reviewer = reviewer
        self._thread = thread
        self._searchers = searchers

    async def PutReply(self, request: pb.PutReplyRequest, context: Context) -> pb.PutReplyResponse:
        """See reply_service.proto."""
        reply = convert_reply.reply_from_proto(request.reply)
        (kept,) = await self._thread.run(self._bookkeeper.put, request.tenant, [reply])
        return pb.PutReplyResponse(reply=convert_reply.reply_to_proto(kept))

    async def ImportReplies(
        self, request: pb.ImportRepliesRequest, context: Context
    ) -> pb.ImportRepliesResponse:
        """See reply_service.proto."""
        replies, problems = await self._search(self._read, request.replies)
        before = await self._thread.run(self._bookkeeper.replies, request.tenant)
        if not request.validate_only:
            convert_reply.refuse(problems)
            prepared = await self._search(self._bookkeeper.prepare, replies)
            await self._thread.run(self._bookkeeper.keep, request.tenant, prepared)
        found = []
        if not request.without_duplicates:
            found = await self._search(self._reviewer.duplicates, replies, before)
        replaced = len({one.reply_id for one in before} & {one.reply_id for one in replies})
        return pb.ImportRepliesResponse(
            created=len(replies) - replaced,
            replaced=replaced,
            duplicates=convert_reply.findings_to_proto(found[:MAX_FINDINGS]),
            problems=convert_reply.problems_to_proto(problems),
        )

    async def ListReplies(self, request: pb.ListRepliesRequest, context: Context) -> pb.ListRepliesResponse:
        """See reply_service.proto."""
        size = check.page_size(request.page_size)
        replies = await self._thread.run(self._bookkeeper.replies, request.tenant)
        page, token = check.page_by_id([one.reply_id for one in replies], request.page_token, size)
        start = bisect.bisect_right(replies, request.page_token, key=attrgetter("reply_id"))
        return pb.ListRepliesResponse(
            replies=[convert_reply.reply_to_proto(one) for one in replies[start : start + len(page)]],
            next_page_token=token,
        )

    async def DeleteReply(self, request: pb.DeleteReplyRequest, context: Context) -> pb.DeleteReplyResponse:
        """See reply_service.proto."""
        check.at_most("request_id", request.request_id, 128)
        await self._thread.run(self._bookkeeper.delete, request.tenant, request.reply_id, request.request_id)
        return pb.DeleteReplyResponse()

    async def LintReplies(self, request: pb.LintRepliesRequest, context: Context) -> pb.LintRepliesResponse:
        """See reply_service.proto."""
        replies = await self._thread.run(self._bookkeeper.replies, request.tenant)
        found = await self._search(self._reviewer.lint, request.tenant, replies)
        return pb.LintRepliesResponse(findings=convert_reply.findings_to_proto(found))

    async def ListReplyHealth(
        self, request: pb.ListReplyHealthRequest, context: Context
    ) -> pb.ListReplyHealthResponse:
        """See reply_service.proto."""
        size = check.page_size(request.page_size)
        records = await self._thread.run(self._reviewer.records, request.tenant)
        page, token = check.page_by_id(sorted(records), request.page_token, size)
        return pb.ListReplyHealthResponse(
            replies=[convert_reply.health_to_proto(one, records[one]) for one in page], next_page_token=token
        )

    def _read(self, replies: Sequence[reply_pb2.Reply]) -> tuple[list[Reply], list[convert_reply.Problem]]:
        return convert_reply.replies_from_proto(replies, MAX_IMPORT, self._bookkeeper.check_slots)

    async def _search(self, work: Any, *args: Any) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._searchers, work, *args)
