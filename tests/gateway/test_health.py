from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from yingda.v1 import answer_pb2, engine_service_pb2, message_service_pb2

from gateway.bootstrap import PUBLIC_SERVICES, bootstrap
from gateway.settings import GatewaySettings
from tests.fakes import FakeEngine, make_message, serving
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


async def leaving_within_its_grace(
    fake: FakeEngine, hold: Callable[[grpc.aio.Channel], Awaitable[None]]
) -> tuple[grpc.aio.AioRpcError, float]:
    """How a held stream ends when its gateway leaves, and the share of the grace that this took."""
    grace = 60.0
    async with serving(fake) as engine:
        gateway = bootstrap(GatewaySettings(listen="127.0.0.1:0", engine=engine, tenants=["t"], grace=grace))
        running = await gateway.__aenter__()
        async with grpc.aio.insecure_channel(running.address) as channel:
            stream = asyncio.ensure_future(hold(channel))
            await fake.called.wait()
            began = asyncio.get_running_loop().time()
            await gateway.__aexit__(None, None, None)
            took = asyncio.get_running_loop().time() - began
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream
    return ended.value, took / grace


async def test_a_console_that_watches_is_told_to_come_again_when_its_gateway_leaves() -> None:
    endless = asyncio.Event()

    async def answer(_: str, request: bytes) -> bytes:
        await endless.wait()
        return request

    async def watch(channel: grpc.aio.Channel) -> None:
        watching: Any = channel.unary_stream("/yingda.v1.AgentService/WatchAgent")
        async for _ in watching(b"\x0a\x01t"):
            pass

    ended, share = await leaving_within_its_grace(FakeEngine(answer=answer), watch)

    assert ended.code() is grpc.StatusCode.UNAVAILABLE
    assert "is leaving: call again" in (ended.details() or "")
    assert share < 0.5


async def test_a_stream_on_which_nobody_types_is_told_so_too() -> None:
    async def answer(_: str, request: bytes) -> bytes:
        return request

    async def type_once(channel: grpc.aio.Channel) -> None:
        stream: Any = channel.stream_stream("/yingda.v1.AssistService/StreamSuggestions")()
        await stream.write(b"\x0a\x01t")
        await stream.read()
        await stream.read()  # nothing more is typed

    ended, share = await leaving_within_its_grace(FakeEngine(answer=answer), type_once)

    assert ended.code() is grpc.StatusCode.UNAVAILABLE
    assert share < 0.5


async def test_a_stream_of_messages_that_waits_is_told_so_too_and_has_all_its_answers() -> None:
    answers: list[bytes] = []
    result = engine_service_pb2.ProcessMessagesResponse(
        results=[answer_pb2.MessageResult(answer=answer_pb2.MessageAnswer(conversation_id="c1"))]
    ).SerializeToString()

    async def answer(_: str, __: bytes) -> bytes:
        return result

    async def send(channel: grpc.aio.Channel) -> None:
        stream: Any = channel.stream_stream("/yingda.v1.MessageService/StreamMessages")()
        one = make_message("hello", tenant="t", message_id="m1")
        await stream.write(message_service_pb2.StreamMessagesRequest(messages=[one]).SerializeToString())
        answers.append(await stream.read())
        await stream.read()  # nothing more is asked

    ended, share = await leaving_within_its_grace(FakeEngine(answer=answer), send)

    assert len(answers) == 1
    assert ended.code() is grpc.StatusCode.UNAVAILABLE
    assert share < 0.5
