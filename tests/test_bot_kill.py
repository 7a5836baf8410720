"""A bot hears everything, whoever is killed and whenever: at least once, in order, and nothing is answered twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yingda import YingdaError
from yingda.bot_client import BotClient
from yingda.v1 import event_pb2, message_pb2

from tests.bot_program import BOT_ID
from tests.fakes import make_message
from tests.processes import ROOT, Service
from tests.test_kill import free_port

pytestmark = pytest.mark.slow

MESSAGES = 5000
KILLS = 20  # of the engine and of the bot, each
FRAME = 25  # messages
TICKET = "ticket:"  # what a note of a ticket begins with
CUSTOMERS = 100
WINDOW = 256  # events under way at a bot
PATIENCE = 240.0  # seconds


class Bot:
    """`tests.bot_program`, killed and started again."""

    def __init__(self, target: str, notes: Path) -> None:
        self._command = [sys.executable, "-m", "tests.bot_program", target, str(notes)]
        self._notes = notes
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def handled(self) -> list[tuple[str, str]]:
        """Conversation and message of every call of the handler, in order."""
        return [one for one in self._noted() if not one[1].startswith(TICKET)]

    def tickets(self) -> set[str]:
        """Those it heard of."""
        return {name.removeprefix(TICKET) for _, name in self._noted() if name.startswith(TICKET)}

    def _noted(self) -> list[tuple[str, str]]:
        lines = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        return [(line.split(" ")[0], line.split(" ")[1]) for line in lines]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Service]:
    service = Service("engine", tmp_path / "engine.log", "--data-dir", str(tmp_path / "data"))
    service.start()
    yield service
    service.kill()


@pytest.fixture
def address(tmp_path: Path, engine: Service) -> Iterator[str]:
    options = ["--engine", f"unix:{tmp_path / 'data' / 'engine.sock'}", "--tenant", "shop"]
    service = Service("gateway", tmp_path / "gateway.log", *options, "--listen", f"127.0.0.1:{free_port()}")
    yield service.start()
    service.kill()


@pytest.fixture
def bot(address: str, tmp_path: Path) -> Iterator[Bot]:
    made = Bot(address, tmp_path / "notes")
    made.start()
    yield made
    made.kill()


def messages() -> list[message_pb2.Message]:
    """Every customer wants to return something, and says so twice."""
    texts = {0: "I want to return this item", 1: "I want to return this item, please"}
    return [
        make_message(
            f"{texts.get(number // CUSTOMERS, 'where is parcel')} {number}",
            message_id=f"m{number}",
            customer_id=f"cu{number % CUSTOMERS}",
        )
        for number in range(MESSAGES)
    ]


async def send(client: BotClient, sent: list[str]) -> None:
    """All messages, each frame again until it is acknowledged; `sent` follows."""
    everything = messages()
    for start in range(0, MESSAGES, FRAME):
        frame = everything[start : start + FRAME]
        while len(sent) < start + FRAME:
            try:
                async for results in client.stream([frame]):
                    assert {one.WhichOneof("outcome") for one in results} == {"answer"}
                    sent += [one.message_id for one in results]
            except YingdaError:
                await asyncio.sleep(0.05)


async def until(is_so: Callable[[], bool]) -> None:
    """Return once it is."""
    for _ in range(round(PATIENCE / 0.05)):
        if is_so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become so")


@asynccontextmanager
async def sending(client: BotClient) -> AsyncIterator[list[str]]:
    """Messages on their way; all are acknowledged when the block has ended."""
    sent: list[str] = []
    task = asyncio.create_task(send(client, sent))
    yield sent
    await asyncio.wait_for(task, PATIENCE)


async def kill_and_start(engine: Service, bot: Bot, delay: float) -> None:
    """First the bot, then the engine under the bot that came again, then both are there."""
    await asyncio.to_thread(bot.kill)
    bot.start()
    await asyncio.sleep(delay)
    await asyncio.to_thread(engine.kill)
    await asyncio.to_thread(engine.start)


async def journal(client: BotClient) -> list[event_pb2.Event]:
    """Everything, in the order of the journal."""
    found: list[event_pb2.Event] = []
    for conversation in await client.conversations(limit=1000):
        found += await client.events(conversation.conversation_id)
    return sorted(found, key=lambda one: one.sequence)


async def check(client: BotClient, bot: Bot) -> None:
    events = await journal(client)
    heard: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.HasField("message_received"):
            heard[event.conversation_id].append(event.message_received.message.message_id)
    handled: defaultdict[str, list[str]] = defaultdict(list)
    calls = bot.handled()
    for conversation_id, message_id in dict.fromkeys(calls):
        handled[conversation_id].append(message_id)
    answers = Counter(
        event.message_sent.in_reply_to_message_id for event in events if event.HasField("message_sent")
    )

    assert sum(map(len, heard.values())) == MESSAGES  # nothing lost, nothing journaled twice
    assert (
        handled == heard
    )  # every message reached the handler, those of a conversation in the journal's order
    assert answers == Counter(f"m{number}" for number in range(MESSAGES))  # and was answered once
    opened = Counter(
        event.conversation_id for event in events if event.ticket_opened.ticket.rule_id == "return-ticket"
    )
    assert opened == Counter(heard.keys())  # one ticket for each, though they asked twice
    assert bot.tickets() >= {
        event.ticket_opened.ticket.ticket_id for event in events if event.HasField("ticket_opened")
    }
    assert len(calls) <= MESSAGES + 2 * KILLS * WINDOW  # acknowledgements count: nobody begins anew


async def test_a_bot_hears_everything_over_twenty_kills_of_it_and_of_the_engine(
    engine: Service, address: str, bot: Bot
) -> None:
    chance = random.Random(11)
    async with BotClient(address, tenant="shop", timeout=60) as client:
        async with sending(client) as sent:
            for number in range(KILLS):
                await until(lambda: len(sent) >= (number + 0.5) * MESSAGES / KILLS)  # noqa: B023
                await kill_and_start(engine, bot, chance.uniform(0.05, 0.8))
        await until(lambda: len(set(bot.handled())) == MESSAGES)
        last = max(one.sequence for one in await journal(client) if one.HasField("message_received"))

        async def acknowledged() -> int:
            return {one.bot_id: one.acknowledged_sequence for one in await client.bots()}[BOT_ID]

        for _ in range(600):
            if await acknowledged() >= last:
                break
            await asyncio.sleep(0.1)
        assert await acknowledged() >= last
        await check(client, bot)
