from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import grpc
import pytest
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor
from yingda.service.held import Held
from yingda.v1 import engine_service_pb2, message_pb2

import engine.servicers.engine
from engine.decision_thread import DecisionThread
from engine.domain import MessageBatch
from engine.errors import StorageError
from engine.servicers.engine import SMALL, EngineServicer, source_of
from engine.servicers.errors import translate
from tests.fakes import make_message
from tests.gateway.refusal import refusal


class SlowPipeline:
    """Answers each message with its text as conversation id, once `gate` is open; "bad" is an error for its batch."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.batches: list[list[str]] = []

    def process(self, batch: MessageBatch) -> list[bytes]:
        self.batches.append(list(batch.texts))
        self.begun.set()
        assert self.gate.wait(10)
        if "bad" in batch.texts:
            raise StorageError("the store cannot be written: disk full")
        return [b"\x0a" + bytes([len(text.encode())]) + text.encode() for text in batch.texts]


class CountingServicer(EngineServicer):
    """Counts the calls that came to it and those that have ended, so that a test need not guess."""

    came = 0
    ended = 0

    async def ProcessMessages(self, request: bytes, _context: Any) -> bytes:  # noqa: ANN401
        self.came += 1
        try:
            return await super().ProcessMessages(request, _context)
        finally:
            self.ended += 1


class Served:
    """The method, behind a real server."""

    def __init__(self, servicer: CountingServicer, method: Any) -> None:  # noqa: ANN401
        self._servicer = servicer
        self._method = method
        self._sent = 0

    def __call__(self, request: bytes) -> asyncio.Future[bytes]:
        self._sent += 1
        future: asyncio.Future[bytes] = asyncio.ensure_future(self._method(request))
        return future

    async def queued(self, *frames: bytes) -> list[asyncio.Future[bytes]]:
        """The calls, they and all earlier ones at the server."""
        calls = [self(one) for one in frames]
        await eventually(lambda: self._servicer.came == self._sent)
        return calls

    async def gone(self, call: asyncio.Future[bytes]) -> None:
        """The server knows that the call's caller has left."""
        before = self._servicer.ended
        call.cancel()
        await eventually(lambda: self._servicer.ended == before + 1)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # the server's calls set no event of ours
            await asyncio.sleep(0.001)


@asynccontextmanager
async def serving(pipeline: SlowPipeline) -> AsyncIterator[Served]:
    with closing(DecisionThread()) as thread:
        servicer = CountingServicer(pipeline=pipeline, thread=thread, held=Held())
        server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
        server.add_generic_rpc_handlers([servicer.handler()])
        address = lifecycle.bind(server, "127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            yield Served(servicer, channel.unary_unary("/yingda.v1.EngineService/ProcessMessages"))
        pipeline.gate.set()
        await server.stop(None)


@pytest.fixture
def pipeline() -> SlowPipeline:
    return SlowPipeline()


def frame(*texts: str, tenant: str = "shop") -> bytes:
    messages: Sequence[message_pb2.Message] = [make_message(text, tenant=tenant) for text in texts]
    return engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()


def answered(response: bytes) -> list[str]:
    results = engine_service_pb2.ProcessMessagesResponse.FromString(response).results
    return [one.answer.conversation_id for one in results]


async def begun(pipeline: SlowPipeline) -> None:
    assert await asyncio.to_thread(pipeline.begun.wait, 10)


async def test_each_message_has_its_result_in_order(pipeline: SlowPipeline) -> None:
    pipeline.gate.set()
    async with serving(pipeline) as call:
        assert answered(await call(frame("a", "b", "a"))) == ["a", "b", "a"]


async def test_frames_that_wait_together_are_decided_together(pipeline: SlowPipeline) -> None:
    async with serving(pipeline) as call:
        first = call(frame("first"))
        await begun(pipeline)
        waiting = await call.queued(frame("a", "b"), frame("c"))
        pipeline.gate.set()

        assert [answered(one) for one in await asyncio.gather(*waiting)] == [["a", "b"], ["c"]]
        await first
    assert pipeline.batches == [["first"], ["a", "b", "c"]]


async def test_a_tenant_s_message_does_not_wait_behind_all_that_another_sent(pipeline: SlowPipeline) -> None:
    bulk = [frame(*["bulk"] * 400) for _ in range(6)]
    async with serving(pipeline) as call:
        waiting = await call.queued(*bulk) + await call.queued(frame("mine", tenant="small-shop"))
        pipeline.gate.set()
        await asyncio.gather(*waiting)

    assert ["mine" in batch for batch in pipeline.batches] == [False, True, False, False, False, False]


async def test_a_single_message_does_not_wait_behind_its_tenant_s_large_frames(
    pipeline: SlowPipeline,
) -> None:
    bulk = [frame(*["bulk"] * 400) for _ in range(6)]
    async with serving(pipeline) as call:
        waiting = await call.queued(*bulk) + await call.queued(frame("single"))
        pipeline.gate.set()
        await asyncio.gather(*waiting)

    assert ["single" in batch for batch in pipeline.batches] == [False, True, False, False, False, False]


def test_what_a_gateway_joined_takes_the_turns_of_single_messages_however_many_they_are() -> None:
    messages = [make_message("hi").SerializeToString()] * (SMALL + 1)

    assert source_of(messages, is_joined=True) == source_of(messages[:1])
    assert source_of(messages) != source_of(messages[:1])


async def test_an_agent_s_call_waits_for_the_running_batch_alone(pipeline: SlowPipeline) -> None:
    with closing(DecisionThread()) as thread:
        servicer = EngineServicer(pipeline=pipeline, thread=thread, held=Held())
        context: Any = None  # which the method does not look at
        frames = [frame(*["bulk"] * 400) for _ in range(6)]
        bulk = [asyncio.create_task(servicer.ProcessMessages(one, context)) for one in frames]
        await begun(pipeline)
        agents_call = asyncio.create_task(thread.run(pipeline.batches.copy))
        await asyncio.sleep(0)
        pipeline.gate.set()

        assert len(await agents_call) == 1
        await asyncio.gather(*bulk)


@pytest.mark.parametrize("size", [0, 513])
async def test_a_frame_that_is_empty_or_too_long_is_refused(pipeline: SlowPipeline, size: int) -> None:
    async with serving(pipeline) as call:
        found = await refusal(call(frame(*["a"] * size)))

    assert (found.code, found.field) == (grpc.StatusCode.INVALID_ARGUMENT, "messages")
    assert found.text == f"messages: has {size} entries, must have 1 to 512"


async def test_an_error_reaches_the_callers_of_its_batch_only(pipeline: SlowPipeline) -> None:
    async with serving(pipeline) as call:
        first = call(frame("first"))
        await begun(pipeline)
        waiting = await call.queued(frame("bad"), frame("neighbour"))
        pipeline.gate.set()
        refused = [await refusal(one) for one in waiting]

        assert answered(await first) == ["first"]
        assert [one.text for one in refused] == ["the store cannot be written: disk full"] * 2
        assert answered(await call(frame("later"))) == ["later"]


async def test_more_than_may_wait_is_refused_with_a_delay(
    pipeline: SlowPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.servicers.engine, "MAX_QUEUE", 4)
    async with serving(pipeline) as call:
        first = call(frame("first"))
        await begun(pipeline)
        waiting = await call.queued(frame("a", "b", "c"))
        found = await refusal(call(frame("d", "e")))
        pipeline.gate.set()
        await asyncio.gather(first, *waiting)

    assert (found.code, found.retry_ms) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 200)
    assert found.text == "3 messages are waiting, the limit is 4"
    assert pipeline.batches == [["first"], ["a", "b", "c"]]


async def test_a_frame_whose_caller_has_gone_is_not_decided(pipeline: SlowPipeline) -> None:
    async with serving(pipeline) as call:
        first = call(frame("first"))
        await begun(pipeline)
        (gone,) = await call.queued(frame("gone"))
        await call.gone(gone)
        (last,) = await call.queued(frame("last"))
        pipeline.gate.set()
        await asyncio.gather(first, last)

    assert pipeline.batches == [["first"], ["last"]]


async def test_a_message_that_is_being_decided_is_decided_though_its_caller_has_gone(
    pipeline: SlowPipeline,
) -> None:
    async with serving(pipeline) as call:
        gone = call(frame("gone"))
        await begun(pipeline)
        await call.gone(gone)
        last = call(frame("last"))
        await call.queued()
        pipeline.gate.set()

        assert answered(await last) == ["last"]
    assert pipeline.batches == [["gone"], ["last"]]


@asynccontextmanager
async def streaming(servicer: EngineServicer) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a real server of the servicer; it stops when its streams have ended."""
    server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
    server.add_generic_rpc_handlers([servicer.handler()])
    address = lifecycle.bind(server, "127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(10):
        yield channel
        await server.stop(10)


async def test_a_stream_ends_between_two_batches_when_the_engine_leaves() -> None:
    pipeline, held = SlowPipeline(), Held()
    pipeline.gate.set()
    with closing(DecisionThread()) as thread:
        servicer = EngineServicer(pipeline=pipeline, thread=thread, held=held)
        async with streaming(servicer) as channel:
            method: Any = channel.stream_stream("/yingda.v1.EngineService/StreamBatches")
            streams = [method() for _ in range(2)]
            for stream in streams:
                await stream.write(frame("one"))
                assert answered(await stream.read()) == ["one"]
            held.leave()
            codes = [await stream.code() for stream in streams]

    assert codes == [grpc.StatusCode.UNAVAILABLE] * 2
