"""Frames in lockstep over bidirectional streams; nothing but gRPC happens while the clock runs."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import grpc

from benchmarks.errors import BenchmarkError
from benchmarks.process import Using

PATIENCE = 120.0  # seconds that one exchange may take; longer is a hang
Call = grpc.aio.StreamStreamCall[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What came back, and what it took: seconds of the clock, and CPU seconds by service ("client" is this one)."""

    answers: Sequence[bytes]
    seconds: float
    cpu: dict[str, float]


async def exchange(
    calls: Sequence[Call], frames: Sequence[Sequence[bytes]], services: Sequence[Using], limit: float
) -> Exchange:
    """Send each call its frames, the next when the last is answered, until all are or `limit` seconds are over.

    Raises: BenchmarkError where a stream ends early.
    """
    with quiet():
        before = _cpu(services)
        began = time.perf_counter()
        loops = (_loop(call, own, began + limit) for call, own in zip(calls, frames, strict=True))
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*loops)
        seconds = time.perf_counter() - began
        after = _cpu(services)
    cpu = {name: after[name] - before[name] for name in after}
    return Exchange(answers=[one for some in answers for one in some], seconds=seconds, cpu=cpu)


@asynccontextmanager
async def opened(address: str, method: str, count: int) -> AsyncIterator[list[Call]]:
    """So many streams to a method of one server, over one connection."""
    async with grpc.aio.insecure_channel(address) as channel:
        multicallable: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
        calls = [multicallable() for _ in range(count)]
        yield calls
        for call in calls:
            await call.done_writing()
            await call.read()


@contextmanager
def quiet() -> Iterator[None]:
    """No collection of garbage in this process, whose pauses would count as the services'."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _loop(call: Call, frames: Sequence[bytes], until: float) -> list[bytes]:
    answers: list[bytes] = []
    for frame in frames:
        if answers and time.perf_counter() >= until:
            break
        answers.append(await ask(call, frame))
    return answers


async def ask(call: Call, frame: bytes) -> bytes:
    """Send one frame and give its answer. Raises: BenchmarkError where the stream ended."""
    try:
        await call.write(frame)
        answer = await call.read()
    except grpc.aio.AioRpcError as error:
        raise BenchmarkError(f"a stream failed: {error.code().name}, {error.details()}") from error
    except asyncio.InvalidStateError as error:
        raise BenchmarkError("a stream ended while its last frame was on the way") from error
    if not isinstance(answer, bytes):
        raise BenchmarkError("a stream ended before its last frame was answered")
    return answer


def _cpu(services: Sequence[Using]) -> dict[str, float]:
    used = {service.name: service.cpu_seconds() for service in services}
    return used | {"client": time.process_time()}
