"""The calls that read journals: replays, decisions made again, exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from functools import cached_property
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yingda.client import EVENTS_PAGE_SIZE, Client
from yingda.errors import YingdaError
from yingda.v1 import (
    conversation_pb2,
    conversation_service_pb2,
    event_pb2,
    message_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
)

pb = conversation_service_pb2


class JournalClient(Client):
    """A client that can also look back. Moments are timestamps; none is no limit."""

    @cached_property
    def _models(self) -> model_service_pb2_grpc.ModelServiceAsyncStub:
        return model_service_pb2_grpc.ModelServiceStub(self._channel)

    async def conversation_at(self, conversation_id: str, moment: Timestamp) -> conversation_pb2.Conversation:
        """A conversation as it stood at a moment."""
        request = pb.GetConversationRequest(
            tenant=self._tenant, conversation_id=conversation_id, as_of_time=moment
        )
        return (await self._call(self._conversations.GetConversation, request)).conversation

    async def journal(
        self,
        conversation_id: str = "",
        *,
        start: Timestamp | None = None,
        end: Timestamp | None = None,
        kinds: Collection[str] = (),
    ) -> AsyncIterator[Sequence[event_pb2.Event]]:
        """Events of one conversation, or of all, page by page; a page may be empty."""
        request = pb.ListEventsRequest(
            tenant=self._tenant,
            conversation_id=conversation_id,
            page_size=EVENTS_PAGE_SIZE,
            start_time=start,
            end_time=end,
            kinds=sorted(kinds),
        )
        while True:
            page = await self._call(self._conversations.ListEvents, request)
            yield page.events
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def replay(
        self, request: pb.ReplayConversationRequest
    ) -> AsyncGenerator[pb.ReplayConversationResponse, None]:
        """A conversation once more, as conversation_service.proto describes it; the tenant is filled in."""
        request.tenant = self._tenant
        async for response in self._stream(self._conversations.ReplayConversation, request):
            yield response

    async def redecide(
        self, request: pb.RedecideEventsRequest
    ) -> AsyncGenerator[pb.RedecideEventsResponse, None]:
        """Decisions made again, as conversation_service.proto describes it; the tenant is filled in."""
        request.tenant = self._tenant
        async for response in self._stream(self._conversations.RedecideEvents, request):
            yield response

    async def label_message(self, request: pb.LabelMessageRequest) -> pb.LabelMessageResponse:
        """Say what a message was about; the tenant is filled in."""
        request.tenant = self._tenant
        return await self._call(self._conversations.LabelMessage, request)

    async def delete_customer(
        self,
        customer_id: str,
        channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_UNSPECIFIED,
        *,
        rewrite_files: bool = False,
    ) -> pb.DeleteCustomerResponse:
        """Take a customer's words out of everything, on one channel or all.

        With `rewrite_files` a Redis that keeps files is told to write them anew.
        """
        request = pb.DeleteCustomerRequest(
            tenant=self._tenant, customer_id=customer_id, channel=channel, rewrite_files=rewrite_files
        )
        return await self._call(self._conversations.DeleteCustomer, request)

    async def export_feedback(
        self, *, start: Timestamp | None = None, end: Timestamp | None = None
    ) -> AsyncIterator[model_service_pb2.FeedbackRow]:
        """What agents' deeds say about messages, oldest first, without what is personal."""
        request = model_service_pb2.ExportFeedbackRequest(tenant=self._tenant, start_time=start, end_time=end)
        async for response in self._stream(self._models.ExportFeedback, request):
            for row in response.rows:
                yield row

    async def _stream(self, method: Any, request: object) -> AsyncGenerator[Any, None]:  # noqa: ANN401
        call = method(request, metadata=self._metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        finally:
            call.cancel()
