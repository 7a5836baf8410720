"""The system under test: one engine and one gateway, as `yingda serve` would run them."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from yingda import Client
from yingda.v1 import agent_pb2

from benchmarks.errors import BenchmarkError
from benchmarks.process import Service, Using, spawned
from benchmarks.redis_process import RedisServer, free_port, serving_redis
from benchmarks.settings import Settings
from benchmarks.texts import PACK

CAPACITY = 1000  # the most one agent may have
SETUP = 60.0  # seconds that a call may take while a desk is set up, on a busy machine too
_PATIENCE = 5.0  # seconds
_LOOK = 1.0  # seconds between two looks at whether services rest
_LOOKS = 60  # at most
_IDLE = 0.1  # of a core
TENANTS = 80  # each round of a measurement takes a new one, whose agents hold nothing yet


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Both services; `tenants` are those not used yet, `redis` is the store where that is a server."""

    engine: Service
    gateway: Service
    tenants: Iterator[str]
    redis: RedisServer | None = None
    metrics: str = ""

    @property
    def services(self) -> list[Using]:
        """Whose CPU time is told."""
        return [self.gateway, self.engine, *([self.redis] if self.redis else [])]

    def memory(self) -> dict[str, float]:
        """How many texts the engine had read before, and how many not; empty where that was not asked for."""
        if not self.metrics:
            return {}
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=_PATIENCE) as response:
            lines = response.read().decode().splitlines()
        figures = dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(figures.get(f"yingda_texts_{name}_total", 0)) for name in ("remembered", "read")}


async def resting(services: Sequence[Service]) -> None:
    """Return once they are idle: an engine that serves still makes its sample replies ready. Raises: BenchmarkError."""
    used = sum(service.cpu_seconds() for service in services)
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK)
        before, used = used, sum(service.cpu_seconds() for service in services)
        if used - before < _IDLE * _LOOK:
            return
    raise BenchmarkError(f"the services are still busy {_LOOKS * _LOOK:.0f} s after they began to serve")


@asynccontextmanager
async def running(
    folder: Path, settings: Settings, engine_options: Sequence[str] = ()
) -> AsyncIterator[System]:
    """Both, serving, with an empty store in `folder`. Raises: BenchmarkError."""
    tenants = [f"bench-{number}" for number in range(TENANTS)]
    socket = f"unix:{folder / 'engine.sock'}"
    engine_line = ["engine", "--data-dir", str(folder / "data"), "--listen", socket, "--sync", settings.sync]
    metrics = f"127.0.0.1:{free_port()}"
    if not engine_options:
        engine_line += ["--config", str(_config(folder, settings, metrics))]
    engine_line += engine_options
    gateway_line = ["gateway", "--engine", socket, "--listen", "127.0.0.1:0"]
    gateway_line += [word for tenant in tenants for word in ("--tenant", tenant)]
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(serving_redis(folder / "redis")) if settings.store == "redis" else None
        engine_line += ["--store", redis.url] if redis else []
        engine = stack.enter_context(spawned("engine", engine_line, folder))
        gateway = stack.enter_context(spawned("gateway", gateway_line, folder))
        await asyncio.gather(engine.serving(), gateway.serving())
        yield System(
            engine=engine,
            gateway=gateway,
            tenants=iter(tenants),
            redis=redis,
            metrics="" if engine_options else metrics,
        )


def _config(folder: Path, settings: Settings, metrics: str) -> Path:
    """What the engine is told that has no flag."""
    path = folder / "engine.toml"
    path.write_text(f'[engine]\nremembered_texts = {settings.remembered}\nmetrics = "{metrics}"\n', "utf-8")
    return path


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
