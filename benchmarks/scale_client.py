"""A process that keeps streams full for `scale.py`: `python -m benchmarks.scale_client`, driven over standard input.

One line of JSON says where and what to send; `{"ready": true}` is answered once the teams are employed and the streams
warm. Then any line starts the clock, and what came of it is answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import grpc
from yingda import YingdaError

from benchmarks.driven import say
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import exchange, opened
from benchmarks.settings import Settings
from benchmarks.stream import METHOD, WARM_UP, build_frames, read
from benchmarks.system import employ
from benchmarks.texts import read_utterances, unseen


def main() -> int:
    """Send, say what came of it."""
    try:
        asyncio.run(_run(json.loads(sys.stdin.readline())))
    except (BenchmarkError, YingdaError, grpc.aio.AioRpcError, TimeoutError) as error:
        say({"problem": f"{type(error).__name__}: {error}"})
        return 1
    return 0


async def _run(task: dict[str, Any]) -> None:
    """A tenant for each stream, so that no team fills up before the clock stops."""
    settings = Settings(seconds=task["seconds"], frame=task["frame"], streams=1, seed=task["seed"])
    texts = unseen(read_utterances(), f"{settings.seed}:texts")
    frames = [build_frames(texts, settings, tenant)[0] for tenant in task["tenants"]]
    for tenant in task["tenants"]:
        await employ(task["address"], tenant, settings.agents)
    async with opened(task["address"], METHOD, len(frames)) as calls:
        await exchange(calls, [own[:WARM_UP] for own in frames], (), settings.seconds)
        say({"ready": True})
        if not await asyncio.to_thread(sys.stdin.readline):
            return
        began = time.time()
        found = await exchange(calls, [own[WARM_UP:] for own in frames], (), settings.seconds)
    sent = read(found)
    cpu = {"cpu_seconds": found.cpu["client"], "began": began, "ended": began + found.seconds}
    say({"messages": sent.messages, "seconds": sent.seconds, **cpu})


if __name__ == "__main__":
    sys.exit(main())
