"""MessageService: checks what comes in, gathers it, and passes it on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

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
MAX_QUEUE = 8192  # messages that may wait for others to go with; more are refused
SMALL = 32  # messages: a frame that is not larger goes to a single engine with others, as its own call would cost more


class _Part(NamedTuple):
    """A serialised frame of good messages, to be joined with others."""

    data: bytes
    weight: int  # messages


class MessageServicer:
    """Where customers' messages go in. Requests and responses are bytes, so that a bad one has a good error."""

    def __init__(self, *, engine: EngineClient, tenancy: Tenancy, held: Held, deadline: float) -> None:
        self._engine = engine
        self._held = held
        self._tenancy = tenancy
        self._deadline = deadline
        self._batchers: list[Batcher[_Part, bytes]] = [
            Batcher(
                partial(self._process_joined, lane),
                max_size=MAX_FRAME,
                max_queue=MAX_QUEUE,
                weigh=lambda part: part.weight,
            )
            for lane in range(engine.lanes)
        ]

    async def SendMessage(self, request: bytes, context: Context) -> bytes:
        """See message_service.proto."""
        allowed = self._tenancy.allowed(context)
        message = _read(request)
        self._check(message, allowed)
        # On the wire the request is a frame of one.
        response = await self._batchers[self._lane(message)].submit(_Part(request, 1), message.tenant)
        return _single_response(response)

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
        good = [one for row, one in enumerate(frame.messages) if row not in errors and one is not None]
        if not errors:
            return await self._process(_Part(frame.data, len(good)), good[0].tenant, lane)
        answered = iter(await self._process_some(good, lane) if good else ())
        results = [errors.get(row) or next(answered) for row in range(len(frame.messages))]
        return message_service_pb2.StreamMessagesResponse(results=results).SerializeToString()

    async def _process_some(
        self, messages: Sequence[message_pb2.Message], lane: int
    ) -> Sequence[answer_pb2.MessageResult]:
        request = engine_service_pb2.ProcessMessagesRequest(messages=messages)
        part = _Part(request.SerializeToString(), len(messages))
        response = await self._process(part, messages[0].tenant, lane)
        return engine_service_pb2.ProcessMessagesResponse.FromString(response).results

    async def _process(self, part: _Part, tenant: str, lane: int) -> bytes:
        """A serialised ProcessMessagesResponse."""
        if part.weight <= SMALL and self._engine.is_single(lane):
            return await self._batchers[lane].submit(part, tenant)
        return await self._engine.process(part.data, self._deadline, lane)

    async def _process_joined(self, lane: int, parts: Sequence[_Part]) -> list[bytes]:
        """The same of several at once."""
        data = b"".join([part.data for part in parts])
        response = await self._engine.process_next(data, self._deadline, lane)
        return [response] if len(parts) == 1 else _divide(response, [part.weight for part in parts])


def _divide(response: bytes, counts: Sequence[int]) -> list[bytes]:
    """A serialised ProcessMessagesResponse to one for each so many messages."""
    # Its only field, and so each result, is laid out like that of a RawFrame.
    results = engine_service_pb2.RawFrame.FromString(response).messages
    if len(results) != sum(counts):
        raise RuntimeError(f"{sum(counts)} messages went to the engine, {len(results)} results came back")
    left = iter(results)
    return [engine_service_pb2.RawFrame(messages=islice(left, count)).SerializeToString() for count in counts]


def _single_response(response: bytes) -> bytes:
    """A serialised SendMessageResponse of a ProcessMessagesResponse with one answer."""
    (result,) = engine_service_pb2.RawResults.FromString(response).results
    return engine_service_pb2.RawFrame(messages=[result.answer]).SerializeToString()


def _read(request: bytes) -> message_pb2.Message:
    frame = read_messages(request)  # SendMessageRequest is, on the wire, a frame of one
    if len(frame.messages) != 1:
        raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, "message: is required, once", field="message")
    return frame.messages[0] or frame.unreadable()
