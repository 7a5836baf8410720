"""A process that holds streams for `connections.py`: `python -m benchmarks.holder`, driven over standard input.

One line of JSON says what to hold; `{"held": …}` is answered once all is open. Then any line starts the messages, and
their latencies are answered. It ends when standard input does.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc

from benchmarks.driven import say
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import quiet
from benchmarks.held import Held, Kind, Talk, Wanted
from benchmarks.statistic import arrivals
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import Traffic

_FAILED = (BenchmarkError, grpc.aio.AioRpcError, asyncio.InvalidStateError)
_TOLD = (BenchmarkError, grpc.aio.AioRpcError, TimeoutError)


def main() -> int:
    """Hold, send, say what it took."""
    task: dict[str, Any] = json.loads(sys.stdin.readline())
    try:
        asyncio.run(_run(task))
    except _TOLD as error:
        return _tell(error)
    except ExceptionGroup as group:  # of streams that were being opened, or asked
        first = group.exceptions[0]
        if not isinstance(first, _TOLD):
            raise
        return _tell(first)
    return 0


def _tell(error: Exception) -> int:
    why = f"{error.code().name}: {error.details()}" if isinstance(error, grpc.aio.AioRpcError) else str(error)
    say({"problem": f"{type(error).__name__}: {why}"})
    return 1


async def _run(task: dict[str, Any]) -> None:
    held = Held()
    try:
        await _open(held, task)
        say({"held": len(held.channels)})
        if await asyncio.to_thread(sys.stdin.readline):
            say(await _send(held, task))
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await held.close()


async def _open(held: Held, task: dict[str, Any]) -> None:
    texts = unseen(read_utterances(), task["seed"])
    gate = asyncio.Semaphore(task["at_once"])

    async def one(wanted: Wanted) -> None:
        source = Traffic(texts, tenant=wanted.tenant, name=wanted.name, seed=f"{task['seed']}:{wanted.name}")
        async with gate:
            await held.open(task["address"], wanted, source, is_echo=task["is_echo"])

    async with asyncio.TaskGroup() as group:
        for wanted in _wanted(task):
            group.create_task(one(wanted))


async def _send(held: Held, task: dict[str, Any]) -> dict[str, object]:
    """Messages in an open loop, each over one of the streams that take them."""
    random_ = random.Random(task["seed"])
    taken: list[float] = []
    failed: list[str] = []
    with quiet():
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for offset in arrivals(task["rate"], task["seconds"], task["seed"]) if held.talks else ():
                if (early := began + offset - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                group.create_task(_ask(random_.choice(held.talks), began + offset, taken, failed))
    return {
        "taken": taken,
        "failed": failed,
        "events": held.count.events,
        "ended": held.ended(),
        "again": held.again,
    }


async def _ask(talk: Talk, intended: float, taken: list[float], failed: list[str]) -> None:
    try:
        await talk.ask()
    except _FAILED as error:  # of this message; the stream is over, and others are not
        failed.append(error.code().name if isinstance(error, grpc.aio.AioRpcError) else "ENDED")
    else:
        taken.append(time.perf_counter() - intended)


def _wanted(task: dict[str, Any]) -> Iterator[Wanted]:
    for kind, tenant, name in task["streams"]:
        yield Wanted(kind=Kind(kind), tenant=tenant, name=name)


if __name__ == "__main__":
    sys.exit(main())
