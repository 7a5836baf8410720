"""Every other public method: checked for its tenant, then passed to the engine as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from yingda.service.errors import StatusError
from yingda.service.held import Held
from yingda.v1 import (
    agent_service_pb2,
    assist_service_pb2,
    bot_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    model_service_pb2,
    reply_service_pb2,
    rule_service_pb2,
    ticket_service_pb2,
)

from gateway.engine_client import EngineClient
from gateway.tenancy import Tenancy

Context = grpc.aio.ServicerContext[Any, Any]
_MARGIN = 0.05  # seconds kept of the caller's deadline, so that the engine's answer can still be sent

SERVICES: Sequence[ServiceDescriptor] = (
    agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"],
    assist_service_pb2.DESCRIPTOR.services_by_name["AssistService"],
    bot_service_pb2.DESCRIPTOR.services_by_name["BotService"],
    conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"],
    customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"],
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    reply_service_pb2.DESCRIPTOR.services_by_name["ReplyService"],
    rule_service_pb2.DESCRIPTOR.services_by_name["RuleService"],
    ticket_service_pb2.DESCRIPTOR.services_by_name["TicketService"],
)


# What they change, all tenants share.
OPERATORS_ONLY = frozenset({"PutBundle", "ActivateBundle", "RollBackBundle", "ShadowBundle", "CanaryBundle"})

# Nothing ends them but their caller, who sees where things stand when it calls again.
ENDLESS = frozenset({"WatchAgent"})

# Streams whose every request has one response before the next is looked at, as of the single method named here.
IN_TURN = {"StreamSuggestions": "SuggestReplies"}


class Forwarder:
    """Makes a handler for each method of a service out of its descriptor; all requests have a `tenant`."""

    def __init__(self, *, engine: EngineClient, tenancy: Tenancy, held: Held, deadline: float) -> None:
        self._engine = engine
        self._held = held
        self._tenancy = tenancy
        self._deadline = deadline
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End the streams on which callers only acknowledge, and so would stay for ever: they come again elsewhere."""
        self._leaving.set()

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """To be added to a server."""
        return [
            grpc.method_handlers_generic_handler(
                service.full_name,
                {method.name: self._handler(service, method) for method in service.methods},
            )
            for service in SERVICES
        ]

    def _handler(
        self, service: ServiceDescriptor, method: MethodDescriptor
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        if method.name in IN_TURN:
            return grpc.stream_stream_rpc_method_handler(self._in_turn(service, method))
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._exchange(service, method))
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(service, method))
        return grpc.unary_unary_rpc_method_handler(self._method(service, method))

    def _exchange(self, service: ServiceDescriptor, method: MethodDescriptor) -> Callable[..., Any]:
        path = f"/{service.full_name}/{method.name}"
        request_class = message_factory.GetMessageClass(method.input_type)

        async def call(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            allowed = self._tenancy.allowed(context)
            first = await anext(aiter(requests), b"")  # it alone says whose; without one there is no tenant
            self._tenancy.check(_tenant(request_class, first), allowed)
            asked = _chained(first, aiter(requests), self._leaving)
            async for response in self._engine.forward_streams(path, asked):
                yield response

        return call

    def _in_turn(self, service: ServiceDescriptor, method: MethodDescriptor) -> Callable[..., Any]:
        path = f"/{service.full_name}/{IN_TURN[method.name]}"
        request_class = message_factory.GetMessageClass(method.input_type)

        async def call(_requests: object, context: Context) -> None:
            allowed = self._tenancy.allowed(context)

            async def respond(request: bytes) -> bytes:
                self._tenancy.check(_tenant(request_class, request), allowed)
                return await self._engine.forward(path, request, self._deadline)

            await self._held.answer(context, respond)

        return call

    def _stream(self, service: ServiceDescriptor, method: MethodDescriptor) -> Callable[..., Any]:
        path = f"/{service.full_name}/{method.name}"
        request_class = message_factory.GetMessageClass(method.input_type)

        async def call(request: bytes, context: Context) -> AsyncIterator[bytes]:
            allowed = self._tenancy.allowed(context)
            self._tenancy.check(_tenant(request_class, request), allowed)
            with self._held.stream() as stream:
                if method.name in ENDLESS:
                    stream.wait()
                async for response in self._engine.forward_stream(path, request):
                    yield response

        return call

    def _method(self, service: ServiceDescriptor, method: MethodDescriptor) -> Callable[..., Any]:
        path = f"/{service.full_name}/{method.name}"
        request_class = message_factory.GetMessageClass(method.input_type)

        async def call(request: bytes, context: Context) -> bytes:
            allowed = self._tenancy.allowed(context)
            tenant = _tenant(request_class, request)
            self._tenancy.check(tenant, allowed)
            if method.name in OPERATORS_ONLY:
                self._tenancy.check_operator(tenant)
            return await self._engine.forward(path, request, self._timeout(context))

        return call

    def _timeout(self, context: Context) -> float:
        remaining = context.time_remaining()
        return self._deadline if remaining is None else max(remaining - _MARGIN, 0)


async def _chained(first: bytes, rest: AsyncIterator[bytes], leaving: asyncio.Event) -> AsyncIterator[bytes]:
    """All requests, until the gateway leaves; then the engine ends the call as if the caller had."""
    left = asyncio.create_task(leaving.wait())
    try:
        yield first
        while True:
            coming = asyncio.ensure_future(anext(rest, None))
            await asyncio.wait({coming, left}, return_when=asyncio.FIRST_COMPLETED)
            request = coming.result() if coming.done() else None
            coming.cancel()
            if request is None:
                return
            yield request
    finally:
        left.cancel()


def _tenant(request_class: Any, request: bytes) -> str:  # noqa: ANN401
    try:
        return str(request_class.FromString(request).tenant)
    except DecodeError:
        raise StatusError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"the request is no valid {request_class.DESCRIPTOR.full_name}; texts must be UTF-8",
        ) from None
