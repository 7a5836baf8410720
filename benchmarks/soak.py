"""Both services under an even load for long: `python -m benchmarks.soak --minutes 30 --rate 200 --json`.

Every 10 seconds the memory of each process is read, and what the store has on disk. Conversations are closed as new
ones come, so that what is open is bounded; the journal grows with every message, by design, on disk. After the warm-up
(a third of the time) memory is `flat` where no reading is further from their mean than 5 %. Exit status 1 where it is
not, or where a call failed. What the engine remembers of conversations is full after some 110,000 messages: a rate that
brings those within the warm-up shows whether anything else grows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yingda import YingdaError

from benchmarks import machine, plot, soak_desk, table
from benchmarks.errors import BenchmarkError
from benchmarks.settings import QUICK
from benchmarks.soak_desk import Tally
from benchmarks.system import System, running
from benchmarks.texts import read_utterances, unseen

EVERY = 10.0  # seconds between two readings
READINGS = 60  # at least so many, so that a short run has some
WARM_UP = 1 / 3  # of the time: caches fill, the allocator finds its size
TOLERANCE = 0.05  # of the mean
_MB = 2**20
_HOUR = 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How things stood so many seconds after the start."""

    seconds: float
    messages: int
    rss_mb: dict[str, float]
    cpu_seconds: dict[str, float]
    disk_mb: float


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 1 where memory grew or a call failed, 2 where there can be no report."""
    args = _parser().parse_args(words)
    try:
        report = asyncio.run(measure(args.minutes * 60, args.rate))
    except (BenchmarkError, YingdaError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")
    if args.plot:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_text(draw(report), encoding="utf-8")
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0 if report["flat"] and not report["failed"] else 1


async def measure(seconds: float, rate: float) -> dict[str, Any]:
    """The whole report. Raises: BenchmarkError."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="yingda-") as name:
        async with running(Path(name), replace(QUICK, agents=soak_desk.AGENTS)) as system:
            load = asyncio.create_task(_load(system, tally, rate, seconds))
            readings = await _read_until(load, system, Path(name) / "data", tally, seconds)
            await load
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "parameters": {"minutes": seconds / 60, "rate": rate, "open_conversations": soak_desk.OPEN},
        **summarize(readings, tally),
    }


def summarize(readings: Sequence[Reading], tally: Tally) -> dict[str, Any]:
    """The part of the report that is found out. Raises: BenchmarkError."""
    if len(readings) < 3:  # noqa: PLR2004  # a mean and what differs from it
        raise BenchmarkError("the run was too short: give more --minutes")
    warm = [one for one in readings if one.seconds >= readings[-1].seconds * WARM_UP]
    messages = warm[-1].messages - warm[0].messages
    memory = {name: _memory(warm, name) for name in warm[0].rss_mb}
    return {
        "done": dict(tally.done),
        "failed": {name: count for name, count in tally.failed.items() if count},
        "flat": all(one["farthest_share"] <= TOLERANCE for one in memory.values()),
        "rss_mb_after_warm_up": memory,
        "cpu_us_per_message": {
            name: (warm[-1].cpu_seconds[name] - used) / max(messages, 1) * 1e6
            for name, used in warm[0].cpu_seconds.items()
        },
        "disk": {
            "mb": warm[-1].disk_mb,
            "bytes_per_message": (warm[-1].disk_mb - warm[0].disk_mb) * _MB / max(messages, 1),
        },
        "readings": [
            {"seconds": round(one.seconds), "messages": one.messages, "disk_mb": round(one.disk_mb, 1)}
            | {f"{name}_mb": round(value, 1) for name, value in one.rss_mb.items()}
            for one in readings
        ],
    }


def draw(report: dict[str, Any]) -> str:
    """A page with memory and disk over time."""
    rows = report["readings"]

    def line(key: str) -> list[plot.Point]:
        return [(row["seconds"] / 60, row[key]) for row in rows]

    memory = {name: line(f"{name}_mb") for name in report["rss_mb_after_warm_up"]}
    axes = {"x_label": "minutes"}
    charts = [
        plot.Chart(title="Memory by process", y_label="MiB resident", lines=memory, **axes),
        plot.Chart(title="Store on disk", y_label="MiB", lines={"store": line("disk_mb")}, **axes),
    ]
    return plot.page(f"Soak, {report['parameters']['rate']:g} messages a second", charts)


def _memory(warm: Sequence[Reading], name: str) -> dict[str, float]:
    values = [one.rss_mb[name] for one in warm]
    mean = statistics.mean(values)
    slope = statistics.linear_regression([one.seconds for one in warm], values).slope
    return {
        "first": values[0],
        "mean": mean,
        "last": values[-1],
        "farthest_share": max(abs(one - mean) for one in values) / mean,
        "mb_per_hour": slope * _HOUR,
    }


async def _load(system: System, tally: Tally, rate: float, seconds: float) -> None:
    texts = unseen(read_utterances(), "soak")
    await soak_desk.run(
        tally, system.gateway.address, next(system.tenants), texts, rate=rate, seconds=seconds
    )


async def _read_until(
    load: asyncio.Task[None], system: System, folder: Path, tally: Tally, seconds: float
) -> list[Reading]:
    readings: list[Reading] = []
    began = time.perf_counter()
    every = min(EVERY, seconds / READINGS)
    while not load.done():
        services = (system.gateway, system.engine)
        readings.append(
            Reading(
                seconds=time.perf_counter() - began,
                messages=tally.done["message"] + tally.done["frame"],
                rss_mb={one.name: one.rss_mb() for one in services},
                cpu_seconds={one.name: one.cpu_seconds() for one in services},
                disk_mb=_disk_mb(folder),
            )
        )
        _progress(readings[-1], seconds, tally)
        await asyncio.wait([load], timeout=every)
    return readings


def _disk_mb(folder: Path) -> float:
    return sum(one.stat().st_size for one in folder.iterdir() if one.is_file()) / _MB


def _progress(reading: Reading, seconds: float, tally: Tally) -> None:
    memory = ", ".join(f"{name} {value:.0f} MiB" for name, value in reading.rss_mb.items())
    failed = f", {tally.failed.total()} failed" if tally.failed.total() else ""
    sys.stderr.write(
        f"{reading.seconds:6.0f} of {seconds:.0f} s: {reading.messages:,} messages, {memory}{failed}\n"
    )
    sys.stderr.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks.soak: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Watch the memory of both services under an even load.",
        epilog="example: python -m benchmarks.soak --minutes 30 --rate 200 --plot build/soak.html --json",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument("--minutes", type=_positive, default=30.0, help="how long (30)")
    parser.add_argument("--rate", type=_positive, default=200.0, help="messages a second (200)")
    parser.add_argument("--plot", type=Path, help="write memory and disk over time there, as a page")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
