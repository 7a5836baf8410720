"""Several gateways at one address before several engines on one store, as `yingda serve` starts them."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from yingda import Client
from yingda.cli.errors import StartError
from yingda.cli.services import Pair, Plan, Voice, serving

from tests.engine.stores.redis_server import redis_server, redis_url  # noqa: F401

pytestmark = pytest.mark.slow
CUSTOMERS, MESSAGES = 12, 5


def plan(folder: Path) -> Plan:
    return Plan(data_dir=folder / "data", environ=os.environ, listen="127.0.0.1:0", engines=2)


def voice() -> Voice:
    return Voice(log=lambda _: None, say=lambda _: None, step=lambda _: nullcontext())


async def talk(pair: Pair, customer: int) -> list[str]:
    """A customer's conversation ids, message by message, over a connection of its own."""
    async with Client(pair.gateway.address) as client:
        answers = [
            await client.send(f"message {number}", customer_id=f"c{customer}") for number in range(MESSAGES)
        ]
        events = await client.events(answers[0].conversation_id)
    texts = [one.message_received.message.text for one in events if one.HasField("message_received")]
    assert texts == [f"message {number}" for number in range(MESSAGES)]
    return [answer.conversation_id for answer in answers]


async def test_a_customer_s_messages_stay_together_and_in_order(
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with serving(replace(plan(tmp_path), store=redis_url, gateways=2), voice()) as pair:
        assert len({gateway.address for gateway in pair.gateways}) == 1
        assert len({service.pid for service in pair.all}) == 4
        found = await asyncio.gather(*(talk(pair, customer) for customer in range(CUSTOMERS)))

    assert Counter(len(set(ids)) for ids in found) == {1: CUSTOMERS}


async def test_several_engines_without_a_store_of_their_own_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"need a store that they share: give --store redis://"):
        async with serving(plan(tmp_path), voice()):
            pass
