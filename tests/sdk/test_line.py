"""The stream on which one request after the other goes to a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from yingda.line import Line
from yingda.service.errors import StatusError

from tests.fakes import FakeEngine, serving

STREAM = "/yingda.v1.EngineService/StreamBatches"


async def echo(_: str, request: bytes) -> bytes:
    return request


@asynccontextmanager
async def line_to(handler: grpc.GenericRpcHandler, folder: Path) -> AsyncIterator[Line[bytes, bytes]]:
    async with (
        serving(handler, f"unix:{folder / 'e.sock'}") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        line = Line[bytes, bytes](channel.stream_stream(STREAM))
        yield line
        line.close()


async def test_batches_go_over_one_stream_each_with_its_own_answer(tmp_path: Path) -> None:
    opened: list[str] = []

    class Counting(FakeEngine):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            opened.append(details.method)
            return super().service(details)

    async with line_to(Counting(answer=echo), tmp_path) as line:
        answers = await asyncio.gather(*(line.ask(b"%d" % number, 5) for number in range(50)))

    assert answers == [b"%d" % number for number in range(50)]
    assert opened == [STREAM]


async def test_a_batch_that_is_refused_does_not_spoil_the_next(tmp_path: Path) -> None:
    async def answer(_: str, request: bytes) -> bytes:
        if request == b"bad":
            raise StatusError(grpc.StatusCode.ABORTED, "contention")
        return request

    async with line_to(FakeEngine(answer=answer), tmp_path) as line:
        with pytest.raises(grpc.aio.AioRpcError, match="contention"):
            await line.ask(b"bad", 5)
        good = await line.ask(b"good", 5)

    assert good == b"good"


async def test_an_engine_that_leaves_or_knows_no_streams_is_to_be_called_instead(tmp_path: Path) -> None:
    class Without(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> None:
            return None

    async def leave(_: str, __: bytes) -> bytes:
        raise StatusError(grpc.StatusCode.UNAVAILABLE, "leaving")

    for handler in (Without(), FakeEngine(answer=leave)):
        async with line_to(handler, tmp_path) as line:
            assert await line.ask(b"a", 5) is None


async def test_an_engine_that_hangs_costs_the_deadline_and_nothing_of_it_reaches_the_next_batch(
    tmp_path: Path,
) -> None:
    async def answer(_: str, request: bytes) -> bytes:
        await asyncio.sleep(30 if request == b"slow" else 0)
        return request

    async with line_to(FakeEngine(answer=answer), tmp_path) as line:
        began = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await line.ask(b"slow", 0.2)
        took = time.monotonic() - began
        quick = await line.ask(b"quick", 5)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert took < 5
    assert quick == b"quick"
