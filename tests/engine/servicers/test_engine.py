from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import grpc
import pytest
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor
from yingda.v1 import engine_service_pb2, message_pb2

import engine.servicers.engine
from engine.decision_thread import DecisionThread
from engine.domain import MessageBatch
from engine.errors import StorageError
from engine.servicers.engine import EngineServicer
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


@asynccontextmanager
async def serving(pipeline: SlowPipeline) -> AsyncIterator[Any]:
    """The method, behind a real server."""
    with closing(DecisionThread()) as thread:
        servicer = EngineServicer(pipeline=pipeline, thread=thread)
        server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
        server.add_generic_rpc_handlers([servicer.handler()])
        address = lifecycle.bind(server, "127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            yield channel.unary_unary("/yingda.v1.EngineService/ProcessMessages")
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


async def queued(call: Any, *frames: bytes) -> list[asyncio.Future[bytes]]:  # noqa: ANN401
    """The calls, each of them at the server: a later call on the same connection has been answered."""
    calls = [asyncio.ensure_future(call(one)) for one in frames]
    await refusal(call(b""))
    return calls


async def test_each_message_has_its_result_in_order(pipeline: SlowPipeline) -> None:
    pipeline.gate.set()
    async with serving(pipeline) as call:
        assert answered(await call(frame("a", "b", "a"))) == ["a", "b", "a"]


async def test_frames_that_wait_together_are_decided_together(pipeline: SlowPipeline) -> None:
    async with serving(pipeline) as call:
        first = asyncio.ensure_future(call(frame("first")))
        await begun(pipeline)
        waiting = await queued(call, frame("a", "b"), frame("c"))
        pipeline.gate.set()

        assert [answered(one) for one in await asyncio.gather(*waiting)] == [["a", "b"], ["c"]]
        await first
    assert pipeline.batches == [["first"], ["a", "b", "c"]]


async def test_a_tenant_s_message_does_not_wait_behind_all_that_another_sent(pipeline: SlowPipeline) -> None:
    bulk = [frame(*["bulk"] * 400) for _ in range(6)]
    async with serving(pipeline) as call:
        waiting = await queued(call, *bulk, frame("mine", tenant="small-shop"))
        pipeline.gate.set()
        await asyncio.gather(*waiting)

    assert ["mine" in batch for batch in pipeline.batches][:3].count(True) == 1
    assert len(pipeline.batches) == len(bulk)


async def test_a_single_message_does_not_wait_behind_its_tenant_s_large_frames(
    pipeline: SlowPipeline,
) -> None:
    bulk = [frame(*["bulk"] * 400) for _ in range(6)]
    async with serving(pipeline) as call:
        waiting = await queued(call, *bulk, frame("single"))
        pipeline.gate.set()
        await asyncio.gather(*waiting)

    assert ["single" in batch for batch in pipeline.batches][:3].count(True) == 1


async def test_an_agent_s_call_waits_for_the_running_batch_alone(pipeline: SlowPipeline) -> None:
    with closing(DecisionThread()) as thread:
        servicer = EngineServicer(pipeline=pipeline, thread=thread)
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
        first = asyncio.ensure_future(call(frame("first")))
        await begun(pipeline)
        waiting = await queued(call, frame("bad"), frame("neighbour"))
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
        first = asyncio.ensure_future(call(frame("first")))
        await begun(pipeline)
        waiting = await queued(call, frame("a", "b", "c"))
        found = await refusal(call(frame("d", "e")))
        pipeline.gate.set()
        await asyncio.gather(first, *waiting)

    assert (found.code, found.retry_ms) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 200)
    assert found.text == "3 messages are waiting, the limit is 4"
    assert pipeline.batches == [["first"], ["a", "b", "c"]]


async def test_a_frame_whose_caller_has_gone_is_not_decided(pipeline: SlowPipeline) -> None:
    async with serving(pipeline) as call:
        first = asyncio.ensure_future(call(frame("first")))
        await begun(pipeline)
        (gone,) = await queued(call, frame("gone"))
        gone.cancel()
        (last,) = await queued(call, frame("last"))
        pipeline.gate.set()
        await asyncio.gather(first, last)

    assert pipeline.batches == [["first"], ["last"]]


async def test_a_message_that_is_being_decided_is_decided_though_its_caller_has_gone(
    pipeline: SlowPipeline,
) -> None:
    async with serving(pipeline) as call:
        gone = asyncio.ensure_future(call(frame("gone")))
        await begun(pipeline)
        gone.cancel()
        last = asyncio.ensure_future(call(frame("last")))
        await queued(call)
        pipeline.gate.set()

        assert answered(await last) == ["last"]
    assert pipeline.batches == [["gone"], ["last"]]


async def test_a_stream_ends_between_two_batches_when_the_engine_leaves() -> None:
    pipeline = SlowPipeline()
    pipeline.gate.set()
    request = frame("one")
    with closing(DecisionThread()) as thread:
        servicer = EngineServicer(pipeline=pipeline, thread=thread)
        server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
        server.add_generic_rpc_handlers([servicer.handler()])
        address = lifecycle.bind(server, "127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            method: Any = channel.stream_stream("/yingda.v1.EngineService/StreamBatches")
            streams = [method() for _ in range(2)]
            for stream in streams:
                await stream.write(request)
                assert answered(await stream.read()) == ["one"]
            servicer.leave()
            async with asyncio.timeout(10):
                ends = [await stream.read() for stream in streams]
                codes = [await stream.code() for stream in streams]
                await server.stop(10)

    assert ends == [grpc.aio.EOF] * 2
    assert codes == [grpc.StatusCode.OK] * 2
