"""Ourselves in the same race: gateway, engine and embedded store, the whole pipeline, over our own calls."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
from yingda.v1 import message_service_pb2

from benchmarks import stream, unary
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import Call, ask, opened
from benchmarks.peers.race import FRAMES, Runner
from benchmarks.peers.split import ENCODER, Split
from benchmarks.process import ROOT
from benchmarks.settings import QUICK
from benchmarks.system import employ, resting, running
from benchmarks.traffic import Traffic

NAME = "yingda"
DOES = (
    "intent, second intent, sentiment, anger and language, and beyond them: deduplicates, keeps the conversation, "
    "assigns an agent or queues, suggests replies, applies rules, journals all of it before it answers"
)
AGENTS = 200  # with room for all who write during a race


def learn(split: Split, folder: Path) -> Path:
    """The bundle that learned from the split's authors alone, with the shipped encoder. Raises: BenchmarkError."""
    bundle = folder / f"bundle-{split.fingerprint}"
    if bundle.is_dir():
        return bundle
    words = ["-m", "models", "train", "--pack", str(split.pack), "--encoder", str(ENCODER)]
    done = subprocess.run(
        [sys.executable, *words, "--output", str(bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"the bundle could not be trained: {done.stderr.strip()[-500:]}")
    return bundle


class Desk:
    """A tenant's customers; texts go one by one as single calls, and together as a frame of a held stream."""

    def __init__(self, single: unary.Method, calls: Sequence[Call], tenant: str) -> None:
        self._single = single
        self._streams = asyncio.Queue[Call]()
        for call in calls:
            self._streams.put_nowait(call)
        self._texts: list[str] = []
        self._traffic = Traffic(self._next_texts(), tenant=tenant, name="p", seed=tenant)

    async def __call__(self, texts: Sequence[str]) -> list[str]:
        """See asking.Ask."""
        self._texts[:] = reversed(texts)
        if len(texts) == 1:
            answer = await self._single(self._traffic.request(), timeout=unary.DEADLINE)
            found = message_service_pb2.SendMessageResponse.FromString(answer).answer
            return [found.analysis.intent]
        return await self._ask_frame(self._traffic.frame(len(texts)))

    async def _ask_frame(self, frame: bytes) -> list[str]:
        call = await self._streams.get()
        try:
            answer = await ask(call, frame)
        finally:
            self._streams.put_nowait(call)
        results = message_service_pb2.StreamMessagesResponse.FromString(answer).results
        if refused := [one.error.message for one in results if one.HasField("error")]:
            raise BenchmarkError(f"a message was refused: {refused[0]}")
        return [one.answer.analysis.intent for one in results]

    def _next_texts(self) -> Iterator[str]:
        while True:
            yield self._texts.pop()


@asynccontextmanager
async def started(folder: Path, bundle: Path) -> AsyncIterator[Runner]:
    """Both services with this bundle. Raises: BenchmarkError."""
    options = ["--bundle", str(bundle)]
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(running(folder, replace(QUICK, agents=AGENTS), options))
        services = (system.gateway, system.engine)
        seconds = max(one.seconds_to_serving for one in services)
        await resting(services)
        idle = sum(one.rss_mb() for one in services)
        tenant = next(system.tenants)
        await employ(system.gateway.address, tenant, AGENTS)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(system.gateway.address))
        calls = await stack.enter_async_context(opened(system.gateway.address, stream.METHOD, FRAMES))
        desk = Desk(channel.unary_unary(unary.METHOD), calls, tenant)
        yield Runner(name=NAME, ask=desk, services=services, start_seconds=seconds, idle_rss_mb=idle)
