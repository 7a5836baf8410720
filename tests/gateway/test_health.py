from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway.bootstrap import PUBLIC_SERVICES, bootstrap
from gateway.settings import GatewaySettings
from tests.fakes import FakeEngine, serving
from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ENGINE_SERVICES = [
    "yingda.v1.AgentService",
    "yingda.v1.AssistService",
    "yingda.v1.BotService",
    "yingda.v1.ConversationService",
    "yingda.v1.CustomerService",
    "yingda.v1.EngineService",
    "yingda.v1.ModelService",
    "yingda.v1.ReplyService",
    "yingda.v1.RuleService",
    "yingda.v1.TicketService",
]


def health_stub(channel: grpc.aio.Channel) -> Any:  # noqa: ANN401  # the installed types know no asyncio
    return health_pb2_grpc.HealthStub(channel)


def reflection_stub(channel: Any) -> Any:  # noqa: ANN401
    return reflection_pb2_grpc.ServerReflectionStub(channel)


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    answer = await health_stub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


async def listed(channel: grpc.aio.Channel) -> list[str]:
    stub = reflection_stub(channel)
    answers = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    (answer,) = [one async for one in answers]
    return sorted(one.name for one in answer.list_services_response.service)


@pytest.mark.parametrize("service", ["", *PUBLIC_SERVICES])
async def test_the_gateway_and_each_service_of_it_say_that_they_serve(
    channel: grpc.aio.Channel, service: str
) -> None:
    assert await health(channel, service) == SERVING


@pytest.mark.parametrize("service", ["", *ENGINE_SERVICES])
async def test_the_engine_and_each_service_of_it_say_that_they_serve(
    engine_address: str, service: str
) -> None:
    async with grpc.aio.insecure_channel(engine_address) as channel:
        assert await health(channel, service) == SERVING


async def test_a_service_that_is_none_is_not_found(channel: grpc.aio.Channel) -> None:
    request = health_pb2.HealthCheckRequest(service="yingda.v1.EngineService")
    found = await refusal(health_stub(channel).Check(request))

    assert found.code is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_what_the_gateway_serves(channel: grpc.aio.Channel) -> None:
    own = ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"]

    assert await listed(channel) == sorted([*own, *PUBLIC_SERVICES])


async def test_reflection_lists_what_the_engine_serves(engine_address: str) -> None:
    async with grpc.aio.insecure_channel(engine_address) as channel:
        assert [name for name in await listed(channel) if name.startswith("yingda")] == ENGINE_SERVICES


async def test_reflection_describes_every_service(channel: grpc.aio.Channel) -> None:
    stub = reflection_stub(channel)
    requests = [reflection_pb2.ServerReflectionRequest(file_containing_symbol=one) for one in PUBLIC_SERVICES]
    answers = [one async for one in stub.ServerReflectionInfo(iter(requests))]

    assert all(one.file_descriptor_response.file_descriptor_proto for one in answers)


async def test_a_gateway_that_is_leaving_says_so_and_finishes_what_it_began() -> None:
    release = asyncio.Event()

    async def answer(_: str, request: bytes) -> bytes:
        await release.wait()
        return request

    fake = FakeEngine(answer=answer)
    async with serving(fake) as engine:
        gateway = bootstrap(GatewaySettings(listen="127.0.0.1:0", engine=engine, tenants=["t"], grace=5))
        running = await gateway.__aenter__()
        async with grpc.aio.insecure_channel(running.address) as channel:
            watch = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
            first = await watch.read()
            list_agents: Any = channel.unary_unary("/yingda.v1.AgentService/ListAgents")
            begun = asyncio.ensure_future(list_agents(b"\x0a\x01t"))
            await fake.called.wait()
            leaving = asyncio.ensure_future(gateway.__aexit__(None, None, None))
            second = await watch.read()
            release.set()

            assert [first.status, second.status] == [SERVING, NOT_SERVING]
            assert await begun == b"\x0a\x01t"
            watch.cancel()
            await leaving
