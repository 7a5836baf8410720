from __future__ import annotations

import asyncio
from pathlib import Path

import grpc

from gateway.engine_client import SUGGEST, EngineClient, Lines
from tests.fakes import FakeEngine, serving

KEYSTROKES = "/yingda.v1.AssistService/StreamSuggestions"


async def test_keystrokes_take_the_streams_that_are_free_and_calls_of_their_own_where_none_is(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()

    async def wait(_: str, request: bytes) -> bytes:
        await gate.wait()
        return request

    engine = FakeEngine(answer=wait)
    async with (
        serving(engine, f"unix:{tmp_path / 'e.sock'}") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        lines = Lines(channel)
        client = EngineClient([channel], {0: lines})
        asked = [asyncio.ensure_future(client.forward(SUGGEST, b"%d" % one, 5)) for one in range(6)]
        while len(engine.calls) < len(asked):
            engine.called.clear()
            await asyncio.wait_for(engine.called.wait(), 5)
        gate.set()
        answers = await asyncio.gather(*asked)
        lines.close()

    assert answers == [b"%d" % one for one in range(6)]
    assert sorted(method for method, _ in engine.calls) == [KEYSTROKES] * 4 + [SUGGEST] * 2
