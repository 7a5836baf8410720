"""Every program in `examples/` runs as a user would run it, and does what it says."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from yingda.bot_client import BotClient

import gateway.bootstrap
from gateway.settings import GatewaySettings
from tests.sdk.bot.serving import said, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 30
STOP = 20.0  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def default_address(engine_address: str) -> AsyncIterator[str]:
    """A gateway that serves the tenant the programs speak for."""
    settings = GatewaySettings(listen="127.0.0.1:0", engine=engine_address, tenants=["default"], grace=1)
    async with gateway.bootstrap.bootstrap(settings) as running:
        yield running.address


@pytest_asyncio.fixture(loop_scope="session")
async def caller(default_address: str) -> AsyncIterator[BotClient]:
    async with BotClient(default_address) as opened:
        yield opened


@asynccontextmanager
async def program(name: str, address: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program at work; it ends well when it is told to."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        *arguments,
        env={"YINGDA_TARGET": address, "PYTHONPATH": ":".join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), STOP) == 0


async def connected(client: BotClient, bot_id: str) -> None:
    async def is_so() -> bool:
        return any(one.bot_id == bot_id and one.is_connected for one in await client.bots())

    await until(is_so)


async def answer_to(client: BotClient, text: str, customer_id: str) -> list[str]:
    sent = await client.send(text, customer_id=customer_id)

    async def is_answered() -> bool:
        return bool(await said(client, sent.conversation_id))

    await until(is_answered)
    return await said(client, sent.conversation_id)


async def test_there_are_five_short_programs() -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in EXAMPLES.glob("*.py")
    }

    assert len(lengths) == 5
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


async def test_greeter(default_address: str, caller: BotClient) -> None:
    async with program("greeter.py", default_address):
        await connected(caller, "greeter")
        assert await answer_to(caller, "你好", "greeted") == ["您好！请问有什么可以帮您？"]


async def test_order_status(default_address: str, caller: BotClient) -> None:
    async with program("order_status.py", default_address):
        await connected(caller, "order-status")
        found = await answer_to(caller, "Where is my order A1002?", "orderer")
        assert found == ["Your order A1002 is being packed."]


async def test_triage(default_address: str, caller: BotClient) -> None:
    async with program("triage.py", default_address) as process:
        await connected(caller, "triage")
        sent = await caller.send(
            "三天了物流一动不动，打电话也没人理，你们这是什么垃圾服务！气死我了", customer_id="angry"
        )

        async def is_given() -> bool:
            return (await caller.conversation(sent.conversation_id)).skill == "complaint"

        await until(is_given)
        assert process.stdout
        line = await asyncio.wait_for(process.stdout.readline(), STOP)
        assert line.decode() == f"{sent.conversation_id} needs a human: angry\n"


async def test_ticket_mirror(default_address: str, caller: BotClient, tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    sent = await caller.send("我要退货", customer_id="returner")
    async with program("ticket_mirror.py", default_address, str(path)):

        async def is_copied() -> bool:
            return path.exists() and path.read_text(encoding="utf-8").endswith("\n")

        await until(is_copied)
    (ticket,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (ticket["ruleId"], ticket["conversationId"]) == ("return-ticket", sent.conversation_id)


async def test_ask_and_wait(default_address: str) -> None:
    async with program("ask_and_wait.py", default_address) as process:
        assert process.stdout
        assert await process.stdout.readline() == b"You said: Is anybody there?\n"
        await asyncio.wait_for(process.wait(), STOP)
