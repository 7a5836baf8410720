"""A gateway that feeds a bot what a test says, and breaks when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from yingda.v1 import (
    bot_service_pb2,
    conversation_service_pb2,
    event_pb2,
    message_pb2,
)

Context = grpc.aio.ServicerContext[Any, Any]


def heard(sequence: int, conversation_id: str = "c1") -> event_pb2.Event:
    """A message that says its own number."""
    message = message_pb2.Message(message_id=f"m{sequence}", text=str(sequence))
    return event_pb2.Event(
        sequence=sequence,
        conversation_id=conversation_id,
        message_received=event_pb2.MessageReceived(message=message),
    )


class FakeGateway:
    """Gives every stream the `events` behind what it resumes from; `firsts` and `acknowledged` are what bots sent."""

    def __init__(self, *events: event_pb2.Event) -> None:
        self.events = list(events)
        self.firsts: list[bot_service_pb2.ReceiveEventsRequest] = []
        self.acknowledged: list[int] = []
        self.replies: list[str] = []
        self.break_after: int | None = None  # events, once
        self.refuse_replies = 0

    async def ReceiveEvents(  # noqa: N802  # gRPC names it
        self, requests: AsyncIterator[bot_service_pb2.ReceiveEventsRequest], context: Context
    ) -> AsyncIterator[bot_service_pb2.ReceiveEventsResponse]:
        """See bot_service.proto."""
        first = await anext(requests)
        self.firsts.append(first)
        yield bot_service_pb2.ReceiveEventsResponse()
        ended = asyncio.create_task(self._hear(requests))
        for number, event in enumerate(self.events):
            if event.sequence <= first.acknowledged_sequence:
                continue
            if number == self.break_after:
                self.break_after = None
                ended.cancel()
                await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
            yield bot_service_pb2.ReceiveEventsResponse(events=[event])
        await ended

    async def SendReply(  # noqa: N802  # gRPC names it
        self, request: conversation_service_pb2.SendReplyRequest, context: Context
    ) -> conversation_service_pb2.SendReplyResponse:
        """See conversation_service.proto."""
        if self.refuse_replies:
            self.refuse_replies -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        self.replies.append(request.text)
        return conversation_service_pb2.SendReplyResponse(message=event_pb2.MessageSent(text=request.text))

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """To be added to a server."""
        receive = grpc.stream_stream_rpc_method_handler(
            self.ReceiveEvents,
            request_deserializer=bot_service_pb2.ReceiveEventsRequest.FromString,
            response_serializer=bot_service_pb2.ReceiveEventsResponse.SerializeToString,
        )
        reply = grpc.unary_unary_rpc_method_handler(
            self.SendReply,
            request_deserializer=conversation_service_pb2.SendReplyRequest.FromString,
            response_serializer=conversation_service_pb2.SendReplyResponse.SerializeToString,
        )
        return [
            grpc.method_handlers_generic_handler("yingda.v1.BotService", {"ReceiveEvents": receive}),
            grpc.method_handlers_generic_handler("yingda.v1.ConversationService", {"SendReply": reply}),
        ]

    async def _hear(self, requests: AsyncIterator[bot_service_pb2.ReceiveEventsRequest]) -> None:
        async for request in requests:
            self.acknowledged.append(request.acknowledged_sequence)


@asynccontextmanager
async def serving_bots(
    gateway: FakeGateway, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[str]:
    """Its address, with TLS where there are credentials."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(gateway.handlers())
    port = (
        server.add_secure_port("localhost:0", credentials)
        if credentials
        else server.add_insecure_port("localhost:0")
    )
    await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(None)
