"""The same texts through everybody, in turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.errors import BenchmarkError
from benchmarks.exchange import quiet
from benchmarks.peers import split
from benchmarks.peers.asking import Ask
from benchmarks.peers.split import FRAME, Row
from benchmarks.process import Service
from benchmarks.statistic import percentile

CALLERS = 16  # who send single messages at once
FRAMES = 2  # requests of many texts that are under way at once
ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How messages come: `callers` at once, each with `size` of them."""

    name: str
    callers: int
    size: int


WAYS = (
    Way(name="alone", callers=1, size=1),
    Way(name="single", callers=CALLERS, size=1),
    Way(name="batch", callers=FRAMES, size=FRAME),
)


@dataclass(slots=True)
class Lap:
    """What one round of one way came to; seconds."""

    messages: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    taken: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Runner:
    """Somebody to be measured, and what was found."""

    name: str
    ask: Ask
    services: Sequence[Service]
    start_seconds: float
    idle_rss_mb: float
    laps: dict[str, list[Lap]] = field(default_factory=dict)

    def rss_mb(self) -> float:
        """Of all its processes."""
        return sum(one.rss_mb() for one in self.services)

    def cpu(self) -> float:
        """Of all its processes, in seconds."""
        return sum(one.cpu_seconds() for one in self.services)


async def race(
    runners: Sequence[Runner],
    texts: Callable[[], Iterator[str]],
    seconds: float,
    progress: Callable[[str], None],
) -> dict[str, str]:
    """Everybody in turn, each way, so many seconds each time; who fails is out, by name with the reason."""
    sources = {runner.name: texts() for runner in runners}
    out: dict[str, str] = {}
    for number, way in itertools.product(range(ROUNDS), WAYS):
        for runner in (one for one in runners if one.name not in out):
            progress(f"round {number + 1} of {ROUNDS}, {way.name}: {runner.name}")
            try:
                lap = await _lap(runner, way, sources[runner.name], seconds)
            except (BenchmarkError, OSError, EOFError) as error:  # a deadline and a lost connection too
                out[runner.name] = f"gave up, {way.name}: {str(error) or type(error).__name__}"
            else:
                runner.laps.setdefault(way.name, []).append(lap)
    return out


async def accuracy(ask: Ask, rows: Sequence[Row]) -> dict[str, float]:
    """Its share of right answers. Raises: BenchmarkError."""
    parts = [rows[start : start + FRAME] for start in range(0, len(rows), FRAME)]
    intents = [intent for part in parts for intent in await ask([row.text for row in part])]
    return split.score(rows, intents)


def summarize(runner: Runner) -> dict[str, object]:
    """By way: messages a second of its best round, latencies and CPU time over all rounds."""
    return {name: _summarize(laps) for name, laps in runner.laps.items()}


async def _lap(runner: Runner, way: Way, texts: Iterator[str], seconds: float) -> Lap:
    lap = Lap()
    await runner.ask(list(itertools.islice(texts, way.size)))  # wakes what fell asleep while others ran
    with quiet():
        used, began = runner.cpu(), time.perf_counter()
        callers = (_caller(runner.ask, way.size, texts, began + seconds, lap) for _ in range(way.callers))
        await asyncio.gather(*callers)
        lap.seconds = time.perf_counter() - began
        lap.cpu = runner.cpu() - used
    return lap


async def _caller(ask: Ask, size: int, texts: Iterator[str], until: float, lap: Lap) -> None:
    while (now := time.perf_counter()) < until:
        await ask(list(itertools.islice(texts, size)))
        lap.taken.append(time.perf_counter() - now)
        lap.messages += size


def _summarize(laps: Sequence[Lap]) -> dict[str, float]:
    taken = [one for lap in laps for one in lap.taken]
    messages = sum(lap.messages for lap in laps)
    rates = [lap.messages / lap.seconds for lap in laps]
    return {
        "messages": messages,
        "messages_per_second": max(rates),
        "messages_per_second_median": statistics.median(rates),
        "p50_ms": percentile(taken, 0.5) * 1000,
        "p99_ms": percentile(taken, 0.99) * 1000,
        "cpu_us_per_message": sum(lap.cpu for lap in laps) / messages * 1e6,
    }
