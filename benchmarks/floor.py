"""The floor: the same frames and calls, with answers of the same size, through a server that does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc

from benchmarks import echo, unary
from benchmarks.exchange import exchange, opened
from benchmarks.process import Service, spawned
from benchmarks.settings import Settings
from benchmarks.stream import WARM_UP, build_frames
from benchmarks.traffic import Traffic

SECONDS = 4.0  # at most, of the stream; it is steady
REPEATS = 100  # of a round's frames, which the echo server has answered long before the time is over
TYPICAL_ANSWER = 800.0  # bytes a message, where the stream was not measured in this run


async def measure(
    folder: Path, texts: Iterator[str], settings: Settings, answer_bytes: float
) -> dict[str, object]:
    """The section of the report; `answer_bytes` is what an answer has per message. Raises: BenchmarkError."""
    sizes = [
        "--frame-bytes",
        str(int(answer_bytes * settings.frame)),
        "--message-bytes",
        str(int(answer_bytes)),
    ]
    with spawned("echo", ["benchmarks.echo", *sizes], folder) as server:
        await server.serving()
        return {
            "answer_bytes_per_message": answer_bytes,
            "stream": await _stream(server, texts, settings),
            "unary": [await _unary(server, texts, settings, rate) for rate in settings.rates],
        }


async def _stream(server: Service, texts: Iterator[str], settings: Settings) -> dict[str, object]:
    frames = build_frames(texts, settings, "bench-0")
    async with opened(server.address, echo.STREAM, len(frames)) as calls:
        await exchange(calls, [own[:WARM_UP] for own in frames], [server], SECONDS)
        repeated = [own[WARM_UP:] * REPEATS for own in frames]
        found = await exchange(calls, repeated, [server], min(SECONDS, settings.seconds))
    messages = len(found.answers) * settings.frame
    return {
        "messages": messages,
        "seconds": found.seconds,
        "messages_per_second": messages / found.seconds,
        "cpu_us_per_message": {name: used / messages * 1e6 for name, used in found.cpu.items()},
    }


async def _unary(server: Service, texts: Iterator[str], settings: Settings, rate: float) -> dict[str, object]:
    source = Traffic(texts, tenant="bench-0", name="u", seed=f"{settings.seed}:{rate}")
    async with grpc.aio.insecure_channel(server.address) as channel:
        method: unary.Method = channel.unary_unary(echo.UNARY)
        return unary.report(await unary.open_loop(method, source, [server], settings, rate), rate)
