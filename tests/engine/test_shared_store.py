"""Two engines over one Redis, each behind a gateway of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import pytest
from yingda import Client
from yingda.bot_client import BotClient
from yingda.v1 import agent_pb2, bot_service_pb2, rule_pb2

import engine.bootstrap
import gateway.bootstrap
from engine.errors import StartError
from engine.settings import EngineSettings
from gateway.settings import GatewaySettings
from tests.engine.stores.redis_server import redis_server, redis_url  # noqa: F401
from tests.fakes import TENANT

SOON = 10.0  # seconds; what comes, comes long before


@asynccontextmanager
async def served(folder: Path, store: str) -> AsyncIterator[BotClient]:
    """A client of an engine on this store."""
    async with AsyncExitStack() as stack:
        engine_settings = EngineSettings(data_dir=folder, store=store, grace=1)
        running = await stack.enter_async_context(engine.bootstrap.bootstrap(engine_settings))
        gateway_settings = GatewaySettings(
            listen="127.0.0.1:0", engine=running.address, tenants=[TENANT], grace=1
        )
        edge = await stack.enter_async_context(gateway.bootstrap.bootstrap(gateway_settings))
        yield await stack.enter_async_context(BotClient(edge.address, tenant=TENANT))


async def hire(client: Client, agent_id: str, *, capacity: int = 1) -> None:
    skills = {"logistics": 3, "finance": 3, "general": 3}
    await client.put_agent(agent_pb2.Agent(agent_id=agent_id, skills=skills, capacity=capacity))
    await client.set_presence(agent_id, agent_pb2.PRESENCE_ONLINE)


async def test_two_engines_are_one_desk(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        await hire(one, "ann")
        async with aclosing(other.watch_agent("ann")) as console:
            first = await one.send("where is my parcel", conversation_id="c1")
            seen = await asyncio.wait_for(anext(console), SOON)
            waiting = await other.send("where is my parcel", conversation_id="c2", customer_id="cu2")
            await other.close_conversation("c1")
            after = await one.conversation("c2")

    assert first.assignment.agent_id == seen.agent_id == "ann"
    assert waiting.assignment.agent_id == ""
    assert after.agent_id == "ann"


async def test_a_message_sent_to_both_engines_has_one_answer(
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        await hire(one, "ann", capacity=9)
        calls = [
            client.send("where is my parcel", message_id=f"m{number}", customer_id="cu1")
            for number in range(20)
            for client in (one, other)
        ]
        answers = await asyncio.gather(*calls)

    assert len({answer.conversation_id for answer in answers}) == 1
    assert sum(answer.duplicate for answer in answers) == 20


async def test_many_at_once_never_pass_the_capacity(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        await hire(one, "ann", capacity=5)
        await hire(other, "ben", capacity=5)
        calls = [
            client.send("where is my parcel", customer_id=f"{name}{number}")
            for number in range(20)
            for name, client in (("one", one), ("other", other))
        ]
        answers = await asyncio.gather(*calls)
        agents = [await one.get_agent(agent_id) for agent_id in ("ann", "ben")]

    given = [answer.assignment.agent_id for answer in answers]
    assert [given.count(name) for name in ("ann", "ben", "")] == [5, 5, 30]
    assert [agent.load for agent in agents] == [5, 5]


async def test_a_folder_has_one_engine_whatever_its_store(
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    settings = EngineSettings(data_dir=tmp_path, store=redis_url, grace=1)
    async with engine.bootstrap.bootstrap(settings):
        with pytest.raises(StartError, match="in use by another engine"):
            async with engine.bootstrap.bootstrap(settings):
                raise AssertionError


async def bot_hears(client: BotClient, count: int, done: int = 0) -> list[tuple[int, str]]:
    """Sequence and text of the next messages, behind what is done."""
    found: list[tuple[int, str]] = []

    async def requests() -> AsyncIterator[bot_service_pb2.ReceiveEventsRequest]:
        yield bot_service_pb2.ReceiveEventsRequest(
            tenant=TENANT,
            bot_id="bot",
            kinds=["message_received"],
            from_start=True,
            acknowledged_sequence=done,
        )
        await asyncio.Event().wait()  # which ends with the call

    async with asyncio.timeout(SOON), aclosing(client.receive_events(requests())) as pages:
        async for page in pages:
            found += [(one.sequence, one.message_received.message.text) for one in page]
            if len(found) >= count:
                break
    return found


async def test_a_bot_hears_at_any_engine_what_came_to_any(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        hearing = asyncio.create_task(bot_hears(other, 2))
        await one.send("to one", customer_id="cu1")
        await other.send("to the other", customer_id="cu2")
        first = await hearing
        await one.send("later", customer_id="cu3")
        second = await bot_hears(one, 1, done=first[-1][0])

    assert [text for _, text in first] == ["to one", "to the other"]
    assert [text for _, text in second] == ["later"]


async def test_what_two_engines_hear_at_once_opens_one_ticket(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        sent = [
            client.send("我要退货，怎么申请", conversation_id=f"c{number}", customer_id=f"cu{number}")
            for number in range(12)
            for client in (one, other, one, other)
        ]
        answers = await asyncio.gather(*sent)
        opened = await one.tickets()
        told = [answer.auto_reply.text for answer in answers if answer.HasField("auto_reply")]

    assert len({ticket.conversation_id for ticket in opened}) == len(opened) == len(told) == 12
    assert all(any(ticket.ticket_id in text for text in told) for ticket in opened)


async def test_a_rule_put_on_one_engine_counts_on_the_other(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    rule = rule_pb2.Rule(
        rule_id="r", then=[rule_pb2.RuleAction(add_tags=rule_pb2.AddTagsAction(tags=["seen"]))]
    )
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as other:
        await other.send("hello", conversation_id="before")
        await one.put_rule(rule)
        for number in range(200):
            answer = await other.send("hello", conversation_id=f"c{number}", customer_id=f"cu{number}")
            if (await other.conversation(answer.conversation_id)).tags:
                break
            await asyncio.sleep(0.05)

    assert number < 100  # a look is due within a second
