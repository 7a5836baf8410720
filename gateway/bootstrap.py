"""The composition root of a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import structlog
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor
from yingda.service.held import Held

from gateway.engine_client import EngineClient, Lines, open_channel
from gateway.errors import translate
from gateway.servicers.forward import SERVICES, Forwarder
from gateway.servicers.message import MessageServicer
from gateway.settings import GatewaySettings
from gateway.tenancy import Tenancy

PUBLIC_SERVICES = ("yingda.v1.MessageService", *(service.full_name for service in SERVICES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway."""

    address: str


@asynccontextmanager
async def bootstrap(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """A gateway that serves until the block ends, and then finishes what it began. Raises: BindError."""
    async with AsyncExitStack() as stack:
        lanes = settings.engine_lanes()
        channels = [await stack.enter_async_context(open_channel(one)) for one in lanes]
        engine = EngineClient(channels, _lines(stack, lanes, channels))
        tenancy = Tenancy(tenants=settings.tenants, tokens=settings.tokens, operators=settings.operators)
        server = lifecycle.make_server(
            interceptors=[ErrorInterceptor(translate)], share_port=settings.share_port
        )
        health = lifecycle.Health(server, PUBLIC_SERVICES)
        held = Held()
        messages = MessageServicer(engine=engine, tenancy=tenancy, held=held, deadline=settings.deadline)
        forwarder = Forwarder(engine=engine, tenancy=tenancy, held=held, deadline=settings.deadline)
        server.add_generic_rpc_handlers([messages.handler(), *forwarder.handlers()])
        address = lifecycle.bind(server, settings.listen)
        await server.start()
        stack.push_async_callback(server.stop, settings.grace)
        await health.serving()
        stack.push_async_callback(health.leaving)
        stack.callback(forwarder.leave)
        stack.callback(held.leave)
        structlog.get_logger().info("gateway_ready", address=address)
        yield Gateway(address=address)


def _lines(
    stack: AsyncExitStack, lanes: Sequence[str], channels: Sequence[grpc.aio.Channel]
) -> dict[int, Lines]:
    """To each engine behind a socket; behind any other target several may take turns, call by call."""
    found: dict[int, Lines] = {}
    for number, (lane, channel) in enumerate(zip(lanes, channels, strict=True)):
        if lane.startswith("unix:"):
            found[number] = Lines(channel)
            stack.callback(found[number].close)
    return found
