"""The system under test: one engine and one gateway, as `yingda serve` would run them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from yingda import Client
from yingda.v1 import agent_pb2

from benchmarks.process import Service, spawned
from benchmarks.settings import Settings
from benchmarks.texts import PACK

CAPACITY = 1000  # the most one agent may have
SETUP = 60.0  # seconds that a call may take while a desk is set up, on a busy machine too
TENANTS = 80  # each round of a measurement takes a new one, whose agents hold nothing yet


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Both services; `tenants` are those not used yet."""

    engine: Service
    gateway: Service
    tenants: Iterator[str]


@asynccontextmanager
async def running(
    folder: Path, settings: Settings, engine_options: Sequence[str] = ()
) -> AsyncIterator[System]:
    """Both, serving, with an empty store in `folder`. Raises: BenchmarkError."""
    tenants = [f"bench-{number}" for number in range(TENANTS)]
    socket = f"unix:{folder / 'engine.sock'}"
    engine_line = ["engine", "--data-dir", str(folder / "data"), "--listen", socket, "--sync", settings.sync]
    engine_line += engine_options
    gateway_line = ["gateway", "--engine", socket, "--listen", "127.0.0.1:0"]
    gateway_line += [word for tenant in tenants for word in ("--tenant", tenant)]
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(spawned("engine", engine_line, folder))
        gateway = stack.enter_context(spawned("gateway", gateway_line, folder))
        await asyncio.gather(engine.serving(), gateway.serving())
        yield System(engine=engine, gateway=gateway, tenants=iter(tenants))


async def employ(address: str, tenant: str, count: int) -> None:
    """Give the tenant `count` agents online, made after the pack's example team, with all the room there is."""
    async with Client(address, tenant=tenant, timeout=SETUP) as client:
        await asyncio.gather(*(_employ_one(client, agent) for agent in team(count)))


async def _employ_one(client: Client, agent: agent_pb2.Agent) -> None:
    await client.put_agent(agent)
    await client.set_presence(agent.agent_id, agent_pb2.PRESENCE_ONLINE)


def team(count: int) -> list[agent_pb2.Agent]:
    """The pack's example agents over and over, each with a name of its own."""
    examples = yaml.safe_load((PACK / "agents.yaml").read_text(encoding="utf-8"))["agents"]
    return [
        agent_pb2.Agent(
            agent_id=f"{example['id']}-{number}",
            skills=example["skills"],
            languages=example["languages"],
            capacity=CAPACITY,
        )
        for number, example in ((number, examples[number % len(examples)]) for number in range(count))
    ]
