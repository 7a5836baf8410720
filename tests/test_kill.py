"""Promise 1: an acknowledged message is never lost and never handled twice, whoever is killed and whenever."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yingda import Client, YingdaError
from yingda.v1 import agent_pb2, answer_pb2, message_pb2

from tests.fakes import make_message
from tests.processes import Service

pytestmark = pytest.mark.slow

FRAME = 16  # messages
CUSTOMERS = 40
PATIENCE = 60.0  # seconds for frames to be acknowledged
Answers = dict[str, answer_pb2.MessageAnswer]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Service]:
    service = Service("engine", tmp_path / "engine.log", "--data-dir", str(tmp_path / "data"))
    service.start()
    yield service
    service.kill()


@pytest.fixture
def gateway(tmp_path: Path, engine: Service) -> Iterator[Service]:
    options = ["--engine", f"unix:{tmp_path / 'data' / 'engine.sock'}", "--tenant", "shop"]
    service = Service("gateway", tmp_path / "gateway.log", *options, "--listen", f"127.0.0.1:{free_port()}")
    yield service
    service.kill()


def free_port() -> int:
    """One that a restarted gateway can take again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


class Sender:
    """Sends frames one after the other, each again until it is acknowledged, until it is told to stop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stopping = False
        self._news = asyncio.Event()
        self.sent: list[message_pb2.Message] = []
        self.acknowledged: Answers = {}

    def stop(self) -> None:
        self._stopping = True

    async def until_acknowledged(self, frames: int) -> None:
        """Return once so many more frames are."""
        wanted = len(self.acknowledged) + frames * FRAME
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < wanted:
                self._news.clear()
                await self._news.wait()

    async def send(self) -> None:
        numbers = itertools.count()
        while not self._stopping:
            frame = [self._message(next(numbers)) for _ in range(FRAME)]
            self.sent += frame
            await self._deliver(frame)

    async def _deliver(self, frame: Sequence[message_pb2.Message]) -> None:
        while any(message.message_id not in self.acknowledged for message in frame):
            try:
                async for results in self._client.stream([frame]):
                    self._keep(results)
            except YingdaError:
                await asyncio.sleep(0.05)

    def _keep(self, results: Sequence[answer_pb2.MessageResult]) -> None:
        for result in results:
            assert result.WhichOneof("outcome") == "answer", result
            answer = without_mark(result.answer)
            assert self.acknowledged.setdefault(result.message_id, answer) == answer
        self._news.set()

    def _message(self, number: int) -> message_pb2.Message:
        return make_message(
            f"where is parcel {number}", message_id=f"m{number}", customer_id=f"cu{number % CUSTOMERS}"
        )


def without_mark(answer: answer_pb2.MessageAnswer) -> answer_pb2.MessageAnswer:
    """As it was given first."""
    first = answer_pb2.MessageAnswer()
    first.CopyFrom(answer)
    first.duplicate = False
    return first


async def hire(client: Client) -> None:
    for number in range(3):
        agent = agent_pb2.Agent(agent_id=f"a{number}", skills={"logistics": 3, "general": 3}, capacity=5)
        await client.put_agent(agent)
        await client.set_presence(agent.agent_id, agent_pb2.PRESENCE_ONLINE)


async def kill_and_restart(service: Service, delay: float) -> str:
    await asyncio.sleep(delay)
    await asyncio.to_thread(service.kill)
    return await asyncio.to_thread(service.start)


async def journal(client: Client) -> Counter[str]:
    """How often each message stands in it."""
    found: Counter[str] = Counter()
    for conversation in await client.conversations(limit=1000):
        for event in await client.events(conversation.conversation_id):
            if event.HasField("message_received"):
                found[event.message_received.message.message_id] += 1
    return found


async def send_all_again(client: Client, messages: Sequence[message_pb2.Message]) -> Answers:
    """Every answer; all of them must be repeated ones."""
    frames = [messages[start : start + 512] for start in range(0, len(messages), 512)]
    results = [result async for frame in client.stream(frames) for result in frame]
    assert all(result.answer.duplicate for result in results)
    return {result.message_id: without_mark(result.answer) for result in results}


async def check(client: Client, sender: Sender) -> None:
    acknowledged = sender.acknowledged
    assert len(acknowledged) == len(sender.sent) > FRAME
    assert await journal(client) == Counter(dict.fromkeys(acknowledged, 1))
    assert await send_all_again(client, sender.sent) == acknowledged
    assert await journal(client) == Counter(dict.fromkeys(acknowledged, 1))
    held = Counter(one.agent_id for one in await client.conversations(limit=1000) if one.agent_id)
    assert {agent.agent_id: agent.load for agent in await client.agents()} == held


@asynccontextmanager
async def sending(client: Client) -> AsyncIterator[Sender]:
    """A sender at work; it has ended when the block has."""
    sender = Sender(client)
    task = asyncio.create_task(sender.send())
    yield sender
    sender.stop()
    await asyncio.wait_for(task, 60)


@pytest.mark.parametrize("who", [["engine"], ["gateway"], ["engine", "gateway"]], ids="+".join)
async def test_a_service_killed_at_work_loses_and_doubles_nothing(
    engine: Service, gateway: Service, who: list[str]
) -> None:
    services = {"engine": engine, "gateway": gateway}
    async with Client(gateway.start(), tenant="shop", timeout=30) as client:
        await hire(client)
        async with sending(client) as sender:
            await sender.until_acknowledged(2)
            await asyncio.gather(*(kill_and_restart(services[name], 0.3) for name in who))
            await sender.until_acknowledged(2)

        await check(client, sender)


async def test_an_engine_killed_again_and_again_loses_and_doubles_nothing(
    engine: Service, gateway: Service
) -> None:
    chance = random.Random(7)
    async with Client(gateway.start(), tenant="shop", timeout=30) as client:
        await hire(client)
        async with sending(client) as sender:
            await sender.until_acknowledged(2)
            for _ in range(8):
                await kill_and_restart(engine, chance.uniform(0.01, 0.6))
            await sender.until_acknowledged(2)

        await check(client, sender)
