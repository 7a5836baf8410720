from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from yingda import Client
from yingda.v1 import message_pb2, message_service_pb2

from tests.fakes import make_message, serving


class Counter(grpc.GenericRpcHandler):
    """Answers each frame with nothing; `ended` is set when a stream has ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        async def call(requests: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
            try:
                async for _request in requests:
                    yield message_service_pb2.StreamMessagesResponse().SerializeToString()
            finally:
                self.ended.set()

        return grpc.stream_stream_rpc_method_handler(call)


async def endless() -> AsyncIterator[Sequence[message_pb2.Message]]:
    while True:
        yield [make_message()]
        await asyncio.sleep(0.01)


async def test_frames_may_be_a_plain_sequence() -> None:
    async with serving(Counter()) as address, Client(address) as client:
        answered = [results async for results in client.stream([[make_message()]] * 3)]

    assert len(answered) == 3


async def test_what_the_frames_raise_reaches_the_caller() -> None:
    async def frames() -> AsyncIterator[Sequence[message_pb2.Message]]:
        yield [make_message()]
        raise ValueError("the file ended early")

    async with serving(Counter()) as address, Client(address) as client:
        with pytest.raises(ValueError, match="the file ended early"):
            [results async for results in client.stream(frames())]


async def test_leaving_the_loop_early_ends_the_stream() -> None:
    counter = Counter()
    async with serving(counter) as address, Client(address) as client:
        answered = client.stream(endless())
        await anext(answered)
        await answered.aclose()  # type: ignore[attr-defined]

        await asyncio.wait_for(counter.ended.wait(), 5)


async def test_cancelling_the_caller_is_no_error_of_the_frames() -> None:
    async def consume(client: Client) -> None:
        async for _ in client.stream(endless()):
            pass

    counter = Counter()
    async with serving(counter) as address, Client(address) as client:
        task = asyncio.create_task(consume(client))
        await asyncio.sleep(0.05)
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
