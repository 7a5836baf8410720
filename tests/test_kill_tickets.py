"""Tickets and what is told of them, whoever is killed and whatever is sent twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yingda import Client, YingdaError
from yingda.v1 import message_pb2
from yingda.v1.event_pb2 import Event

from tests.engine.workflow.receiver import Receiver, receiving
from tests.fakes import make_message
from tests.processes import Service
from tests.test_kill import free_port

pytestmark = pytest.mark.slow

CUSTOMERS = 60
FRAME = 16  # messages
PATIENCE = 90.0  # seconds
SETTINGS = """
[engine.webhooks.crm]
url = "{url}"
private = true
timeout = 1.0
secret = "a secret of more than 16 bytes"
events = ["ticket.opened"]
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def engine(tmp_path: Path, receiver: Receiver) -> Iterator[Service]:
    settings = tmp_path / "engine.toml"
    settings.write_text(SETTINGS.format(url=receiver.url), encoding="utf-8")
    service = Service(
        "engine", tmp_path / "engine.log", "--data-dir", str(tmp_path / "data"), "--config", str(settings)
    )
    service.start()
    yield service
    service.kill()


@pytest.fixture
def gateway(tmp_path: Path, engine: Service) -> Iterator[Service]:
    options = ["--engine", f"unix:{tmp_path / 'data' / 'engine.sock'}", "--tenant", "shop"]
    service = Service("gateway", tmp_path / "gateway.log", *options, "--listen", f"127.0.0.1:{free_port()}")
    yield service
    service.kill()


def frame(numbers: Iterator[int]) -> list[message_pb2.Message]:
    """Return requests, each customer's again and again."""
    return [
        make_message("我要退货，怎么申请", message_id=f"m{number}", customer_id=f"cu{number % CUSTOMERS}")
        for number in itertools.islice(numbers, FRAME)
    ]


async def deliver(client: Client, messages: list[message_pb2.Message], told: dict[str, str]) -> None:
    """Again until it is acknowledged, and then once more; the numbers told go into `told`, by conversation."""
    for wanted in (1, 2):
        done = 0
        while done < wanted:
            try:
                async for results in client.stream([messages]):
                    done = wanted
                    for one in results:
                        if "工单号" in one.answer.auto_reply.text:
                            number = one.answer.auto_reply.text.partition("工单号 ")[2][:8]
                            assert told.setdefault(one.answer.conversation_id, number) == number
            except YingdaError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def asking(client: Client, told: dict[str, str]) -> AsyncIterator[None]:
    """Customers ask for returns; they have ended when the block has."""
    numbers, stopping = itertools.count(), asyncio.Event()

    async def ask() -> None:
        while not stopping.is_set() or len(told) < CUSTOMERS:
            await deliver(client, frame(numbers), told)

    task = asyncio.create_task(ask())
    yield
    stopping.set()
    await asyncio.wait_for(task, PATIENCE)


def opened(events: list[Event]) -> list[str]:
    return [one.ticket_opened.ticket.ticket_id for one in events if one.HasField("ticket_opened")]


async def until_delivered(client: Client) -> None:
    for _ in range(round(PATIENCE / 0.2)):
        if not await client.deliveries():
            return
        await asyncio.sleep(0.2)
    raise AssertionError("something was not delivered in time")


async def test_a_return_request_has_one_ticket_however_often_the_engine_is_killed(
    engine: Service, gateway: Service, receiver: Receiver
) -> None:
    chance = random.Random(11)
    told: dict[str, str] = {}
    async with Client(gateway.start(), tenant="shop", timeout=30) as client:
        async with asking(client, told):
            for _ in range(8):
                await asyncio.sleep(chance.uniform(0.05, 0.8))
                await asyncio.to_thread(engine.kill)
                await asyncio.to_thread(engine.start)
        tickets = await client.tickets(limit=1000)
        journaled = {
            one.conversation_id: opened(await client.events(one.conversation_id))
            for one in await client.conversations(limit=1000)
        }
        await until_delivered(client)

    assert Counter(one.conversation_id for one in tickets) == dict.fromkeys(journaled, 1)
    assert {one.conversation_id: one.ticket_id for one in tickets} == told
    assert journaled == {one.conversation_id: [one.ticket_id] for one in tickets}
    sent = {one.headers["webhook-id"]: json.loads(one.body)["data"]["ticket_id"] for one in receiver.requests}
    assert Counter(sent.values()) == {one.ticket_id: 1 for one in tickets}
