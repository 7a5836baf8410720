"""MessageService: checks what comes in, gathers it, and passes it on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import grpc
from yingda.batcher import Batcher
from yingda.service.errors import StatusError
from yingda.service.held import Held
from yingda.v1 import answer_pb2, engine_service_pb2, message_pb2, message_service_pb2

from gateway.engine_client import EngineClient
from gateway.frame import Frame, error_result, read_frame, read_messages
from gateway.limits import MAX_FRAME, first_problem
from gateway.tenancy import Tenancy

Context = grpc.aio.ServicerContext[Any, Any]
MAX_QUEUE = 8192  # single messages that may wait; more are refused


class MessageServicer:
    """Where customers' messages go in. Requests and responses are bytes, so that a bad one has a good error."""

    def __init__(self, *, engine: EngineClient, tenancy: Tenancy, held: Held, deadline: float) -> None:
        self._engine = engine
        self._held = held
        self._tenancy = tenancy
        self._deadline = deadline
        self._batchers: list[Batcher[bytes, bytes]] = [
            Batcher(partial(self._process_single, lane), max_size=MAX_FRAME, max_queue=MAX_QUEUE)
            for lane in range(engine.lanes)
        ]

    async def SendMessage(self, request: bytes, context: Context) -> bytes:
        """See message_service.proto."""
        allowed = self._tenancy.allowed(context)
        message = _read(request)
        self._check(message, allowed)
        return await self._batchers[self._lane(message)].submit(request, message.tenant)

    async def StreamMessages(self, _requests: object, context: Context) -> None:
        """See message_service.proto."""
        allowed, lane = self._tenancy.allowed(context), self._engine.next_lane()
        await self._held.answer(
            context, lambda request: self._answer_frame(read_frame(request), allowed, lane)
        )

    def handler(self) -> grpc.GenericRpcHandler:
        """To be added to a server."""
        name = message_service_pb2.DESCRIPTOR.services_by_name["MessageService"].full_name
        return grpc.method_handlers_generic_handler(
            name,
            {
                "SendMessage": grpc.unary_unary_rpc_method_handler(self.SendMessage),
                "StreamMessages": grpc.stream_stream_rpc_method_handler(self.StreamMessages),
            },
        )

    def _check(self, message: message_pb2.Message, allowed: frozenset[str]) -> None:
        if problem := first_problem(message):
            field, what = problem
            raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {what}", field=field)
        self._tenancy.check(message.tenant, allowed)

    def _lane(self, message: message_pb2.Message) -> int:
        """The same for all messages of a conversation, so that they are processed in the order in which they came."""
        name = f"{message.tenant}:{message.conversation_id or message.customer_id}"
        return zlib.crc32(name.encode()) % self._engine.lanes

    async def _answer_frame(self, frame: Frame, allowed: frozenset[str], lane: int) -> bytes:
        """The good messages' answers and the bad ones' errors, in order."""
        errors: dict[int, answer_pb2.MessageResult] = {}
        for row, message in enumerate(frame.messages):
            try:
                self._check(message or frame.unreadable(), allowed)
            except StatusError as error:
                errors[row] = error_result(message, error)
        if not errors:
            return await self._engine.process(frame.data, self._deadline, lane)
        good = [one for row, one in enumerate(frame.messages) if row not in errors and one is not None]
        answered = iter(await self._process(good, lane) if good else ())
        results = [errors.get(row) or next(answered) for row in range(len(frame.messages))]
        return message_service_pb2.StreamMessagesResponse(results=results).SerializeToString()

    async def _process_single(self, lane: int, requests: Sequence[bytes]) -> list[bytes]:
        """SendMessageRequests to their responses; joined, the requests are a frame, for each is one of one message."""
        response = await self._engine.process_next(b"".join(requests), self._deadline, lane)
        results = engine_service_pb2.RawResults.FromString(response).results
        return [_single_response(one.answer) for one in results]

    async def _process(
        self, messages: Sequence[message_pb2.Message], lane: int
    ) -> Sequence[answer_pb2.MessageResult]:
        request = engine_service_pb2.ProcessMessagesRequest(messages=messages)
        response = await self._engine.process(request.SerializeToString(), self._deadline, lane)
        return engine_service_pb2.ProcessMessagesResponse.FromString(response).results


def _single_response(answer: bytes) -> bytes:
    """A serialised SendMessageResponse: its only field is laid out like that of a RawFrame."""
    return engine_service_pb2.RawFrame(messages=[answer]).SerializeToString()


def _read(request: bytes) -> message_pb2.Message:
    frame = read_messages(request)  # SendMessageRequest is, on the wire, a frame of one
    if len(frame.messages) != 1:
        raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, "message: is required, once", field="message")
    return frame.messages[0] or frame.unreadable()
