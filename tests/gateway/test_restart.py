"""A gateway over an engine that goes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from yingda import Client
from yingda.v1 import agent_pb2, message_pb2

import engine.bootstrap
import gateway.bootstrap
from engine.settings import EngineSettings
from gateway.settings import GatewaySettings

TENANT = "shop"


class Restartable:
    """One engine's data, and the engine while it runs."""

    def __init__(self, folder: Path) -> None:
        self._settings = EngineSettings(data_dir=folder, grace=1)
        self._stack = AsyncExitStack()

    @property
    def address(self) -> str:
        return f"unix:{self._settings.data_dir / 'engine.sock'}"

    async def start(self) -> None:
        await self._stack.enter_async_context(engine.bootstrap.bootstrap(self._settings))

    async def stop(self) -> None:
        await self._stack.aclose()


@pytest_asyncio.fixture
async def restartable(tmp_path: Path) -> AsyncIterator[Restartable]:
    one = Restartable(tmp_path)
    await one.start()
    yield one
    await one.stop()


@pytest_asyncio.fixture
async def shop(restartable: Restartable) -> AsyncIterator[Client]:
    settings = GatewaySettings(
        listen="127.0.0.1:0", engine=restartable.address, tenants=[TENANT], grace=1, deadline=20
    )
    async with (
        gateway.bootstrap.bootstrap(settings) as running,
        Client(running.address, tenant=TENANT, timeout=20) as client,
    ):
        yield client


async def test_an_engine_restarted_between_calls_is_not_noticed(
    restartable: Restartable, shop: Client
) -> None:
    first = await shop.send("hello", customer_id="cu1", message_id="m1")
    await restartable.stop()
    await restartable.start()
    again = await shop.send("hello", customer_id="cu1", message_id="m1")

    assert again.duplicate
    assert again.conversation_id == first.conversation_id
    assert len(await shop.events(first.conversation_id)) == 1


@pytest.mark.parametrize("call", ["send", "agents"])
async def test_a_call_waits_for_an_engine_that_is_coming_back(
    restartable: Restartable, shop: Client, call: str
) -> None:
    await shop.agents()
    await restartable.stop()
    begun = asyncio.ensure_future(shop.send("hello", customer_id="cu1") if call == "send" else shop.agents())
    await asyncio.sleep(0.1)
    await restartable.start()

    await begun


async def test_a_stream_lives_through_a_restart(restartable: Restartable, shop: Client) -> None:
    async def frames() -> AsyncIterator[Sequence[message_pb2.Message]]:
        yield [shop.message("before", customer_id="cu1")]
        await restartable.stop()
        await restartable.start()
        yield [shop.message("after", customer_id="cu1")]

    answered = [results[0].answer async for results in shop.stream(frames())]

    assert answered[0].conversation_id == answered[1].conversation_id
    assert len(await shop.events(answered[0].conversation_id)) == 2


async def test_everything_is_there_after_a_restart(restartable: Restartable, shop: Client) -> None:
    await shop.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 3}, capacity=2))
    await shop.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    answer = await shop.send("good morning", customer_id="cu1")
    await shop.delete_reply((await shop.replies())[0].reply_id)
    before = (
        await shop.agents(),
        await shop.replies(),
        await shop.conversations(),
        await shop.events(answer.conversation_id),
    )
    await restartable.stop()
    await restartable.start()

    assert before == (
        await shop.agents(),
        await shop.replies(),
        await shop.conversations(),
        await shop.events(answer.conversation_id),
    )
