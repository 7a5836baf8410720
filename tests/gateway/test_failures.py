"""A gateway before an engine that misbehaves."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from yingda import Client
from yingda.service.errors import StatusError
from yingda.v1 import agent_service_pb2, engine_service_pb2, message_pb2

import gateway.servicers.message
from gateway.bootstrap import bootstrap
from gateway.limits import Problem, first_problem
from gateway.settings import GatewaySettings
from tests.fakes import FakeEngine, make_message, serving
from tests.gateway.refusal import Refusal, refusal

SEND = "/yingda.v1.MessageService/SendMessage"
STREAM = "/yingda.v1.MessageService/StreamMessages"
LIST = "/yingda.v1.AgentService/ListAgents"
PROCESS = "/yingda.v1.EngineService/ProcessMessages"
Answer = Callable[[str, bytes], Awaitable[bytes]]
Call = Callable[..., Awaitable[bytes]]
METHODS = pytest.mark.parametrize("method", ["send", "stream", "forward"])


async def good(method: str, request: bytes) -> bytes:
    """As an engine would answer, with nothing decided."""
    if method != PROCESS:
        return b""
    messages = engine_service_pb2.ProcessMessagesRequest.FromString(request).messages
    response = engine_service_pb2.ProcessMessagesResponse()
    for message in messages:
        response.results.add(message_id=message.message_id).answer.conversation_id = message.text
    return response.SerializeToString()


def failing(code: grpc.StatusCode, text: str, *, times: int = 999, **details: object) -> Answer:
    """Fails so many times with a status made by an engine, then is good."""
    left = iter(range(times))

    async def answer(method: str, request: bytes) -> bytes:
        if next(left, None) is None:
            return await good(method, request)
        raise StatusError(code, text, **details)  # type: ignore[arg-type]

    return answer


def raising(error: Exception) -> Answer:
    async def answer(_: str, __: bytes) -> bytes:
        raise error

    return answer


@asynccontextmanager
async def gateway_before(answer: Answer, **settings: object) -> AsyncIterator[tuple[FakeEngine, str]]:
    """The fake engine, and the address of a gateway before it."""
    fake = FakeEngine(answer=answer)
    async with serving(fake) as engine, gateway_to(engine, **settings) as address:
        yield fake, address


@asynccontextmanager
async def gateway_to(engine: str, **settings: object) -> AsyncIterator[str]:
    fields = {"listen": "127.0.0.1:0", "engine": engine, "tenants": ["shop"], "grace": 1} | settings
    async with bootstrap(GatewaySettings(**fields)) as running:  # type: ignore[arg-type]
        yield running.address


async def attempt(address: str, method: str, timeout: float | None = None) -> bytes:
    """One call of that kind; its answer's bytes."""
    frame = engine_service_pb2.ProcessMessagesRequest(messages=[make_message()]).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        if method == "stream":
            return await first_answer(channel.stream_stream(STREAM)(timeout=timeout), frame)
        path, request = (SEND, frame) if method == "send" else (LIST, b"\x0a\x04shop")
        unary: Call = channel.unary_unary(path)
        return await unary(request, timeout=timeout)


async def first_answer(call: Any, frame: bytes) -> bytes:  # noqa: ANN401
    """The answer to the frame, or what ended the stream instead."""
    await call.write(frame)
    answer = await call.read()
    if answer is grpc.aio.EOF:
        await call
    return bytes(answer)


async def refused(answer: Answer, method: str = "forward") -> Refusal:
    async with gateway_before(answer) as (_, address):
        return await refusal(attempt(address, method))


@METHODS
async def test_an_error_of_the_engine_reaches_the_caller_with_its_field(method: str) -> None:
    found = await refused(failing(grpc.StatusCode.INVALID_ARGUMENT, "a: b: is bad", field="a: b"), method)

    assert (found.code, found.text) == (grpc.StatusCode.INVALID_ARGUMENT, "a: b: is bad")
    assert found.field == "a: b"


@METHODS
async def test_an_unknown_error_of_the_engine_is_told_by_its_id_alone(method: str) -> None:
    found = await refused(failing(grpc.StatusCode.INTERNAL, "internal error 123456abcdef"), method)

    assert (found.code, found.text) == (grpc.StatusCode.INTERNAL, "internal error 123456abcdef")


@METHODS
async def test_a_status_that_no_engine_gives_is_an_internal_error_with_an_id(method: str) -> None:
    found = await refused(raising(ValueError("the customer's secret")), method)

    assert found.code is grpc.StatusCode.INTERNAL
    assert found.text.startswith("internal error ")
    assert len(found.text) == len("internal error 123456abcdef")


@pytest.mark.parametrize("kind", ["send", "frame"])
async def test_an_answer_that_is_none_is_an_internal_error_with_an_id(kind: str) -> None:
    async def garbage(_: str, __: bytes) -> bytes:
        return b"\xff\xff\xff"

    async with gateway_before(garbage) as (_, address):
        found = await refusal(attempt(address, "send") if kind == "send" else mixed_frame(address))

    assert found.code is grpc.StatusCode.INTERNAL
    assert len(found.text) == len("internal error 123456abcdef")


async def mixed_frame(address: str) -> bytes:
    """A frame with a bad message in it, whose answers the gateway has to read."""
    messages = [make_message(), make_message("")]
    frame = engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        return await first_answer(channel.stream_stream(STREAM)(), frame)


@METHODS
async def test_an_overloaded_engine_says_when_to_come_back(method: str) -> None:
    found = await refused(
        failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "8192 are waiting", retry_ms=700), method
    )

    assert (found.code, found.text) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "8192 are waiting")
    assert found.retry_ms is not None
    assert found.retry_ms > 0


async def test_a_store_that_fails_is_told_as_such() -> None:
    found = await refused(failing(grpc.StatusCode.UNAVAILABLE, "the store cannot be written: disk full"))

    assert (found.code, found.text) == (
        grpc.StatusCode.UNAVAILABLE,
        "the store cannot be written: disk full",
    )
    assert found.retry_ms == 200


@METHODS
async def test_a_call_that_a_restarting_engine_did_not_take_is_repeated(method: str) -> None:
    answer = failing(grpc.StatusCode.UNAVAILABLE, "leaving", times=2)
    async with gateway_before(answer) as (fake, address):
        await attempt(address, method)

    assert len(fake.calls) == 3


@METHODS
async def test_no_other_failure_is_repeated(method: str) -> None:
    async with gateway_before(failing(grpc.StatusCode.ABORTED, "contention")) as (fake, address):
        await refusal(attempt(address, method))

    assert len(fake.calls) == 1


async def hang(_: str, __: bytes) -> bytes:
    await asyncio.sleep(30)
    return b""


@METHODS
async def test_a_callers_deadline_is_kept(method: str) -> None:
    async with gateway_before(hang) as (_, address):
        began = time.monotonic()
        found = await refusal(attempt(address, method, timeout=0.3))

    assert found.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 3


@METHODS
async def test_a_call_without_a_deadline_gets_the_default_one(method: str) -> None:
    async with gateway_before(hang, deadline=0.3) as (_, address):
        found = await refusal(attempt(address, method))

    assert found.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert found.text == "the engine did not answer in time; the same message may be sent again"


async def test_a_callers_deadline_reaches_the_engine() -> None:
    remaining: list[float] = []

    class Watch(FakeEngine):
        def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            async def call(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
                remaining.append(context.time_remaining())
                return b""

            return grpc.unary_unary_rpc_method_handler(call)

    async with serving(Watch(answer=good)) as engine, gateway_to(engine) as address:
        await attempt(address, "forward", timeout=3)

    assert 2 < remaining[0] < 3


@METHODS
async def test_an_engine_that_is_not_there_ends_in_a_plain_error(method: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with gateway_to(f"127.0.0.1:{port}", deadline=0.4) as address:
        found = await refusal(attempt(address, method))

    assert found.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert found.text.startswith("the engine ")
    assert str(port) not in found.text


class Arrivals:
    """Tells of single messages that have come in and are about to be queued."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._came = asyncio.Semaphore(0)
        monkeypatch.setattr(gateway.servicers.message, "first_problem", self._first_problem)

    def _first_problem(self, message: message_pb2.Message) -> Problem | None:
        self._came.release()
        return first_problem(message)

    async def come(self, count: int) -> None:
        """Return when so many more have come."""
        for _ in range(count):
            await asyncio.wait_for(self._came.acquire(), 10)


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    return Arrivals(monkeypatch)


async def test_a_gateway_may_start_long_before_its_engine(arrivals: Arrivals) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    async with gateway_to(address) as gateway_address:
        early = asyncio.ensure_future(attempt(gateway_address, "send"))
        await arrivals.come(1)
        await asyncio.sleep(2.2)  # four repeats take 2 seconds at most
        async with serving(FakeEngine(answer=good), address):
            assert await early


async def test_more_than_may_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.servicers.message, "MAX_QUEUE", 3)
    release = asyncio.Event()

    async def slow(method: str, request: bytes) -> bytes:
        await release.wait()
        return await good(method, request)

    async with gateway_before(slow) as (fake, address), Client(address, tenant="shop") as client:
        running = asyncio.ensure_future(client.send("first", customer_id="cu1"))
        await fake.called.wait()
        calls = [asyncio.ensure_future(attempt(address, "send")) for _ in range(4)]
        done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        found = await refusal(done.pop())
        release.set()
        await asyncio.gather(running, *waiting)

    assert (found.code, found.retry_ms) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 200)
    assert found.text == "3 messages are waiting, the limit is 3"
    assert len(fake.calls) == 2


async def test_single_messages_that_wait_together_go_to_the_engine_together(arrivals: Arrivals) -> None:
    release = asyncio.Event()

    async def slow(method: str, request: bytes) -> bytes:
        await release.wait()
        return await good(method, request)

    async with gateway_before(slow) as (fake, address), Client(address, tenant="shop") as client:
        calls = [asyncio.ensure_future(client.send(f"text {n}", customer_id="cu1")) for n in range(20)]
        await arrivals.come(20)
        release.set()
        answers = await asyncio.gather(*calls)

    assert [answer.conversation_id for answer in answers] == [f"text {n}" for n in range(20)]
    assert len(fake.calls) == 2


async def test_a_failed_batch_hurts_no_later_one() -> None:
    answer = failing(grpc.StatusCode.ABORTED, "contention", times=1)
    async with gateway_before(answer) as (_, address):
        await refusal(attempt(address, "send"))

        assert await attempt(address, "send")


async def test_a_caller_who_has_gone_never_reaches_the_engine(arrivals: Arrivals) -> None:
    release = asyncio.Event()

    async def slow(method: str, request: bytes) -> bytes:
        await release.wait()
        return await good(method, request)

    async with gateway_before(slow) as (fake, address), Client(address, tenant="shop") as client:
        first = asyncio.ensure_future(client.send("first", customer_id="cu1"))
        await fake.called.wait()
        gone = asyncio.ensure_future(client.send("gone", customer_id="cu1"))
        await arrivals.come(2)
        gone.cancel()
        last = asyncio.ensure_future(client.send("last", customer_id="cu1"))
        await arrivals.come(1)
        release.set()
        await asyncio.gather(first, last)

    assert b"gone" not in b"".join(request for _, request in fake.calls)


async def test_what_is_passed_on_is_passed_on_as_it_came() -> None:
    newer = agent_service_pb2.ListAgentsRequest(tenant="shop").SerializeToString() + b"\xfa\x3f\x03new"

    async def echo(_: str, request: bytes) -> bytes:
        return request

    async with gateway_before(echo) as (fake, address), grpc.aio.insecure_channel(address) as channel:
        call: Call = channel.unary_unary(LIST)

        assert await call(newer) == newer
    assert fake.calls == [(LIST, newer)]
