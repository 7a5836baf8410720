"""The floor: the same frames, and answers of the same size, through a server that does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import echo
from benchmarks.exchange import exchange, opened
from benchmarks.process import spawned
from benchmarks.settings import Settings
from benchmarks.stream import WARM_UP, build_frames

SECONDS = 4.0  # at most; the echo server is fast and steady
TYPICAL_ANSWER = 1000.0  # bytes a message, where the stream was not measured in this run


async def measure(
    folder: Path, texts: Iterator[str], settings: Settings, answer_bytes: float
) -> dict[str, object]:
    """The section of the report; `answer_bytes` is what an answer has per message. Raises: BenchmarkError."""
    frames = build_frames(texts, settings, "bench-0")
    size = int(answer_bytes * settings.frame)
    with spawned("echo", ["benchmarks.echo", "--answer-bytes", str(size)], folder) as server:
        await server.serving()
        async with opened(server.address, echo.METHOD, len(frames)) as calls:
            await exchange(calls, [own[:WARM_UP] for own in frames], [server], SECONDS)
            repeated = [own[WARM_UP:] * 100 for own in frames]
            found = await exchange(calls, repeated, [server], min(SECONDS, settings.seconds))
    messages = len(found.answers) * settings.frame
    return {
        "messages": messages,
        "seconds": found.seconds,
        "messages_per_second": messages / found.seconds,
        "answer_bytes_per_message": answer_bytes,
        "cpu_us_per_message": {name: used / messages * 1e6 for name, used in found.cpu.items()},
    }
