"""What `yingda plan` reckons with: measured here, kept where the command line finds it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yingda.cli

from benchmarks import growth_case, load, machine, stores
from benchmarks.errors import BenchmarkError
from benchmarks.growth_case import FRAME, Size
from benchmarks.settings import Settings
from benchmarks.traffic import NEW_SHARE

COSTS = Path(yingda.cli.__file__).with_name("costs.json")
SECONDS = 5.0  # of each section measured from outside
RATE = 300.0  # single calls a second
CALM = 0.5  # of each core, that other work may take
_FRAMES = 40  # whose bytes on disk are counted
_BATCHES = 12  # of each kind in each store
_GROWN = {"conversations": "conversation", "agents": "agent", "replies": "reply", "tenants": "tenant"}

Row = dict[str, float]
Rows = list[Row]


def require_calm(found: Mapping[str, Any]) -> None:
    """Refuse a machine on which more wants to run than it should. Raises: BenchmarkError."""
    most = found["cores"] * CALM
    if found["load_1m"] > most:
        raise BenchmarkError(
            f"--record: the machine is busy (load {found['load_1m']:.1f}, at most {most:.1f} on {found['cores']} "
            "cores): run it when nothing else does, or add --anyway, and the record will say so"
        )


def record(grown: Mapping[str, Rows], before: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the rest, write all of it with the machine as it was before, and return it.

    Raises: BenchmarkError where a dimension is missing.
    """
    if missing := [name for name in _GROWN if len(grown.get(name, ())) < 2]:  # noqa: PLR2004  # a slope has two ends
        raise BenchmarkError(f"--record needs two sizes of {missing[0]}: leave out --only, raise --most")
    outside = asyncio.run(
        load.measure(Settings(seconds=SECONDS, rates=(RATE,), sections=("start", "stream", "unary")))
    )
    disk = _disk_bytes()
    costs = {
        "date": machine.now(),
        "machine": before,
        **_services(outside),
        "redis": _redis(disk),
        "disk_bytes_per_message": disk,
        "memory_bytes": {one: _slope(grown[name]) for name, one in _GROWN.items()},
        "growth": {name: [[row["size"], row["ratio"]] for row in grown[name]] for name in _GROWN},
    }
    COSTS.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
    return costs


def _services(outside: Mapping[str, Any]) -> dict[str, Any]:
    """CPU time a message and memory of both services, by the way messages come in."""
    ways = {"frames": outside["stream"], "single": outside["unary"][0]}
    names = ("gateway", "engine")
    return {
        "cpu_us": {
            way: {name: round(found["cpu_us_per_message"][name], 1) for name in names}
            for way, found in ways.items()
        },
        "idle_mb": {name: round(outside["start"]["idle_rss_mb"][name], 1) for name in names},
    }


def _redis(disk: float) -> dict[str, float]:
    """What Redis adds to the engine's work, its own, and what it keeps of each; a message as large as on disk."""
    embedded = stores.measure("sqlite", FRAME, _BATCHES)
    shared = stores.measure("redis", FRAME, _BATCHES)
    followed = shared["followed"]["servers_bytes_per_message"]
    opened = shared["opened"]["servers_bytes_per_message"]
    engine = _mixed(shared, "cpu_us_per_message") - _mixed(embedded, "cpu_us_per_message")
    return {
        "engine_us": round(max(engine, 0.0), 1),
        "server_us": round(_mixed(shared, "servers_cpu_us_per_message"), 1),
        "bytes_per_message": round(followed + max(disk - len(stores.RECORD), 0.0)),
        "bytes_per_conversation": round(max(opened - followed, 0.0)),
    }


def _mixed(parts: Mapping[str, Mapping[str, float]], name: str) -> float:
    """Of usual traffic, in which some messages open a conversation."""
    return NEW_SHARE * parts["opened"][name] + (1 - NEW_SHARE) * parts["followed"][name]


def _disk_bytes() -> float:
    """What a message adds to the embedded store, its share of conversations and indexes included."""
    with growth_case.made(Size(), "disk") as case:
        before = case.engine.disk_bytes()
        for _ in range(_FRAMES):
            case.engine.process(case.crowd.frame(FRAME))
        return round((case.engine.disk_bytes() - before) / (_FRAMES * FRAME))


def _slope(rows: Sequence[Row]) -> int:
    """Bytes of memory by which one more of them makes an engine larger."""
    first, last = rows[0], rows[-1]
    grown = (last["memory_mb"] - first["memory_mb"]) * 2**20
    return round(max(grown / (last["size"] - first["size"]), 0.0))
