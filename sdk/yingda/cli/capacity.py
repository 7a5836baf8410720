"""How much of what a desk needs, from what a message was measured to cost."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yingda.cli.errors import CommandError

COSTS = Path(__file__).with_name("costs.json")
UTILISATION = 0.6  # of a core at the peak; the rest is for what the average hides
HEADROOM = 1.25  # on memory and disk
NEW_SHARE = 0.3  # of the messages open a conversation
OPEN_SECONDS = 3600  # for which a conversation stays open, at the peak
LOG_SHARE = 2  # of Redis's memory on disk: its log, and the log while it is written anew
DAY = 86_400  # seconds
_MB = 2**20
_GB = 2**30
_US = 1e-6  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of a desk. `way`: "single" calls, or "frames" over streams."""

    messages_per_day: int
    peak: int
    agents: int
    replies: int
    retention_days: int
    way: str

    @property
    def open_conversations(self) -> int:
        """At once, at the peak; no more than a day brings."""
        return round(min(self.peak * OPEN_SECONDS, self.messages_per_day) * NEW_SHARE)


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: CPU in µs a message, memory and disk in bytes, and ratios by size."""

    date: str
    machine: str
    cpu_us: dict[str, dict[str, float]]
    idle_mb: dict[str, float]
    redis: dict[str, float]
    disk_bytes_per_message: float
    memory_bytes: dict[str, float]
    growth: dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run; `store` is "sqlite" or "redis". Of Redis the memory, and the disk, are 0 without it."""

    store: str
    cores: int
    cores_by_service: dict[str, float]
    gateways: int
    engines: int
    memory_mb: int
    redis_memory_gb: float
    disk_gb: float
    cpu_us_per_message: dict[str, float]
    growth: dict[str, float]
    notes: list[str] = field(default_factory=list)


def read_costs(path: Path = COSTS) -> Costs:
    """What the benchmark recorded. Raises: CommandError that names the file and the fix."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Costs(
            date=found["date"],
            machine=f"{found['machine']['cpu']}, load {found['machine']['load_1m']:.1f}",
            cpu_us=found["cpu_us"],
            idle_mb=found["idle_mb"],
            redis=found["redis"],
            disk_bytes_per_message=found["disk_bytes_per_message"],
            memory_bytes=found["memory_bytes"],
            growth=found["growth"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{path} holds no measured costs ({error!r}): install yingda again, or run "
            "`python -m benchmarks.growth --record` in a checkout"
        ) from error


def plan(demand: Demand, costs: Costs) -> Plan:
    """The smallest desk that meets the demand. Raises: CommandError where the peak is below the average."""
    mean = demand.messages_per_day / DAY
    if demand.peak < mean:
        raise CommandError(
            f"--peak {demand.peak}: {demand.messages_per_day} messages a day are {mean:.1f} a second on average; "
            f"give --peak {math.ceil(mean)} or more"
        )
    sizes = {
        "conversations": demand.open_conversations,
        "agents": demand.agents,
        "replies": demand.replies,
    }
    growth = {name: ratio(costs.growth[name], size) for name, size in sizes.items()}
    us = dict(costs.cpu_us[demand.way])
    us["engine"] *= math.prod(growth.values())
    if _processes(demand.peak, us["engine"]) > 1:
        us["engine"] += costs.redis["engine_us"]
        us["redis"] = costs.redis["server_us"]
    return _sized(demand, costs, us, growth)


def ratio(measured: Sequence[tuple[float, float]], size: float) -> float:
    """How many times the smallest size's cost; between two sizes by their logarithms, never less than 1."""
    (least, _), (most, last) = measured[0], measured[-1]
    if size <= least:
        return 1.0
    if size >= most:
        return max(last, 1.0)
    upper = next(number for number, (one, _) in enumerate(measured) if one >= size)
    (low, below), (high, above) = measured[upper - 1], measured[upper]
    share = math.log(size / low) / math.log(high / low)
    return max(below + share * (above - below), 1.0)


def _sized(demand: Demand, costs: Costs, us: dict[str, float], growth: dict[str, float]) -> Plan:
    shared = "redis" in us
    gateways, engines = (_processes(demand.peak, us[name]) for name in ("gateway", "engine"))
    cores = {name: demand.peak * one * _US / UTILISATION for name, one in us.items()}
    redis_gb = _redis_bytes(demand, costs) / _GB if shared else 0.0
    kept = demand.messages_per_day * demand.retention_days
    disk = LOG_SHARE * redis_gb if shared else kept * costs.disk_bytes_per_message * HEADROOM / _GB
    return Plan(
        store="redis" if shared else "sqlite",
        cores=math.ceil(sum(cores.values())),
        cores_by_service={name: round(one, 2) for name, one in cores.items()},
        gateways=gateways,
        engines=engines,
        memory_mb=math.ceil(_memory_mb(demand, costs, gateways, engines)),
        redis_memory_gb=round(redis_gb, 1),
        disk_gb=round(disk, 1),
        cpu_us_per_message={name: round(one, 1) for name, one in us.items()},
        growth={name: round(one, 2) for name, one in growth.items()},
        notes=_notes(demand, costs, us),
    )


def _processes(peak: int, us: float) -> int:
    """A service decides on one thread, so it uses a core at most."""
    return max(math.ceil(peak * us * _US / UTILISATION), 1)


def _memory_mb(demand: Demand, costs: Costs, gateways: int, engines: int) -> float:
    """Of gateways and engines; each engine is taken to hold the whole desk."""
    bytes_of = costs.memory_bytes
    desk = (
        demand.open_conversations * bytes_of["conversation"]
        + demand.agents * bytes_of["agent"]
        + demand.replies * bytes_of["reply"]
    )
    used = gateways * costs.idle_mb["gateway"] + engines * (costs.idle_mb["engine"] + desk / _MB)
    return used * HEADROOM


def _redis_bytes(demand: Demand, costs: Costs) -> float:
    each = costs.redis["bytes_per_message"] + NEW_SHARE * costs.redis["bytes_per_conversation"]
    return demand.messages_per_day * demand.retention_days * each * HEADROOM


def _notes(demand: Demand, costs: Costs, us: dict[str, float]) -> list[str]:
    """What the figures cannot say by themselves."""
    notes = []
    sizes = (
        ("conversations", demand.open_conversations),
        ("agents", demand.agents),
        ("replies", demand.replies),
    )
    for name, size in sizes:
        if size > (most := costs.growth[name][-1][0]):
            notes.append(f"{size:,} {name} are more than were measured ({most:,.0f}): the cost may be higher")
    if demand.peak * us.get("redis", 0.0) * _US > UTILISATION:
        notes.append(
            "one Redis is not enough: use redis+cluster://, which helps where there are several tenants"
        )
    return notes
