"""A client's calls about replies: suggestions, what became of them, and the canned replies themselves."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar

import grpc

from yingda.keystrokes import Keystrokes
from yingda.line import Line
from yingda.v1 import (
    assist_service_pb2,
    assist_service_pb2_grpc,
    reply_pb2,
    reply_service_pb2,
    reply_service_pb2_grpc,
)

_PAGE_SIZE = 1000
_TRIALS = 200  # texts of a call

Response = TypeVar("Response")


class ReplyMethods:
    """A part of `client.Client`, which has the connection."""

    _tenant: str
    _channel: grpc.aio.Channel
    _timeout: float
    _metadata: Sequence[tuple[str, str]]

    async def suggest(
        self, typed_text: str = "", *, conversation_id: str = "", language: str = "", limit: int = 3
    ) -> Sequence[reply_pb2.Suggestion]:
        """Canned replies for what was typed, for a conversation, or for both; best first."""
        request = assist_service_pb2.SuggestRepliesRequest(
            tenant=self._tenant,
            typed_text=typed_text,
            conversation_id=conversation_id,
            language=language,
            limit=limit,
        )
        return (await self._call(self._assist.SuggestReplies, request)).suggestions

    async def suggest_list(
        self, request: assist_service_pb2.SuggestRepliesRequest
    ) -> assist_service_pb2.SuggestRepliesResponse:
        """The same with everything one can say, as a list that `record_feedback` can name; the tenant is filled in."""
        request.tenant = self._tenant
        return await self._call(self._assist.SuggestReplies, request)

    def keystrokes(self) -> Keystrokes:
        """The same for an agent who types: `async with client.keystrokes() as typing: await typing.suggest("发")`."""
        line = Line(lambda: self._assist.StreamSuggestions(metadata=self._metadata))
        return Keystrokes(line, self.suggest_list, tenant=self._tenant, timeout=self._timeout)

    async def record_feedback(
        self, request: assist_service_pb2.RecordFeedbackRequest
    ) -> assist_service_pb2.RecordFeedbackResponse:
        """Say what became of a list; tenant and, if need be, a request id are filled in."""
        request.tenant = self._tenant
        request.request_id = request.request_id or uuid.uuid4().hex
        return await self._call(self._assist.RecordFeedback, request)

    async def gaps(self, *, messages: int = 0, limit: int = 0) -> assist_service_pb2.FindGapsResponse:
        """What recent messages no reply answers well, largest group first."""
        request = assist_service_pb2.FindGapsRequest(tenant=self._tenant, messages=messages, limit=limit)
        return await self._call(self._assist.FindGaps, request)

    async def put_auto_reply_policy(
        self, policy: assist_service_pb2.AutoReplyPolicy
    ) -> assist_service_pb2.AutoReplyPolicy:
        """Say when the engine may answer alone; the policy with its defaults."""
        request = assist_service_pb2.PutAutoReplyPolicyRequest(tenant=self._tenant, policy=policy)
        return (await self._call(self._assist.PutAutoReplyPolicy, request)).policy

    async def try_auto_replies(self, texts: Sequence[str]) -> list[assist_service_pb2.AutoReplyTrial]:
        """What the engine would answer alone to these messages if only its confidence counted; nothing is sent."""
        found: list[assist_service_pb2.AutoReplyTrial] = []
        for start in range(0, len(texts), _TRIALS):
            request = assist_service_pb2.TryAutoRepliesRequest(
                tenant=self._tenant, texts=texts[start : start + _TRIALS]
            )
            found.extend((await self._call(self._assist.TryAutoReplies, request)).trials)
        return found

    async def auto_reply_policy(self) -> assist_service_pb2.AutoReplyPolicy:
        """When the engine may answer alone."""
        request = assist_service_pb2.GetAutoReplyPolicyRequest(tenant=self._tenant)
        return (await self._call(self._assist.GetAutoReplyPolicy, request)).policy

    async def put_reply(self, reply: reply_pb2.Reply) -> reply_pb2.Reply:
        """Create or replace a canned reply."""
        request = reply_service_pb2.PutReplyRequest(tenant=self._tenant, reply=reply)
        return (await self._call(self._replies.PutReply, request)).reply

    async def delete_reply(self, reply_id: str, *, request_id: str = "") -> None:
        """Remove a canned reply; a second call of the same `request_id` changes nothing."""
        request = reply_service_pb2.DeleteReplyRequest(
            tenant=self._tenant, reply_id=reply_id, request_id=request_id or uuid.uuid4().hex
        )
        await self._call(self._replies.DeleteReply, request)

    async def import_replies(
        self,
        replies: Sequence[reply_pb2.Reply],
        *,
        validate_only: bool = False,
        without_duplicates: bool = False,
    ) -> reply_service_pb2.ImportRepliesResponse:
        """Create or replace many, all or none, and hear which are near others; at most 10,000."""
        request = reply_service_pb2.ImportRepliesRequest(
            tenant=self._tenant,
            replies=replies,
            validate_only=validate_only,
            without_duplicates=without_duplicates,
        )
        return await self._call(self._replies.ImportReplies, request)

    async def lint_replies(self) -> Sequence[reply_service_pb2.ReplyFinding]:
        """What is wrong or doubtful about the replies."""
        request = reply_service_pb2.LintRepliesRequest(tenant=self._tenant)
        return (await self._call(self._replies.LintReplies, request)).findings

    async def reply_health(self) -> list[reply_pb2.ReplyHealth]:
        """How the replies fare, by id."""
        found: list[reply_pb2.ReplyHealth] = []
        request = reply_service_pb2.ListReplyHealthRequest(tenant=self._tenant, page_size=_PAGE_SIZE)
        while True:
            page = await self._call(self._replies.ListReplyHealth, request)
            found.extend(page.replies)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def replies(self) -> list[reply_pb2.Reply]:
        """All canned replies, by id."""
        found: list[reply_pb2.Reply] = []
        request = reply_service_pb2.ListRepliesRequest(tenant=self._tenant, page_size=_PAGE_SIZE)
        while True:
            page = await self._call(self._replies.ListReplies, request)
            found.extend(page.replies)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    @cached_property
    def _assist(self) -> assist_service_pb2_grpc.AssistServiceAsyncStub:
        return assist_service_pb2_grpc.AssistServiceStub(self._channel)

    @cached_property
    def _replies(self) -> reply_service_pb2_grpc.ReplyServiceAsyncStub:
        return reply_service_pb2_grpc.ReplyServiceStub(self._channel)

    async def _call(self, method: Callable[..., Awaitable[Response]], request: object) -> Response:
        raise NotImplementedError  # the client's
