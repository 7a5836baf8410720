"""Measure what a change of bundles costs those who are being answered: `python -m benchmarks.bundles`. Prints JSON.

`phases`: SendMessage in an open loop while a bundle as large as the shipped one is activated, rolled back, tried out on
a tenth and on half of the conversations, and reads along; before, between and after these, phases in which nothing is
done. Each has a tenant of its own, whose agents hold nothing yet, and does its change at half-time. `p99_ratio` is to
the median of the phases in which nothing is done; `noise` says how far those are from it themselves.
`hot_path`: CPU time of the thread that answers, with and without a shadow, in turns, in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
from yingda import YingdaError
from yingda.model_client import ModelClient

import benchmarks.one_thread  # noqa: F401  # before numpy
from benchmarks import inside, machine, unary
from benchmarks.errors import BenchmarkError
from benchmarks.settings import Settings
from benchmarks.statistic import percentile
from benchmarks.system import System, employ, running
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import Traffic
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from engine.bundles.deployment import Deployment
from engine.bundles.generation import Generation
from engine.bundles.switch import Switch
from engine.bundles.trials import Trials
from engine.servicers import codec
from engine.servicers.convert_model import ProtoModelCodec
from models import signature
from models.bundle import load
from models.manifest import Manifest

Report = dict[str, Any]  # a JSON document
Action = Callable[[ModelClient], Awaitable[object]]
SECOND = "second"  # the other bundle's id
_NOTHING = "nothing"
_CHANGES: Sequence[tuple[str, Action | None]] = (
    (_NOTHING, None),
    ("activated", lambda client: client.activate_bundle(SECOND)),
    (_NOTHING, None),
    ("rolled back", lambda client: client.roll_back_bundle(leave=SECOND)),
    (_NOTHING, None),
    ("canary of a tenth", lambda client: client.canary_bundle(SECOND, 0.1)),
    ("canary of a tenth rolled back", lambda client: client.roll_back_bundle(leave=SECOND)),
    (_NOTHING, None),
    ("canary of half", lambda client: client.canary_bundle(SECOND, 0.5)),
    ("canary of half rolled back", lambda client: client.roll_back_bundle(leave=SECOND)),
    (_NOTHING, None),
    ("shadow", lambda client: client.shadow_bundle(SECOND)),
    ("shadow ended", lambda client: client.shadow_bundle("")),
    (_NOTHING, None),
)
_FRAME = 32  # messages
_ROUNDS = 40  # of frames, half of them with a shadow


def main() -> int:
    """Print the report; 2 if there can be none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundles", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each phase (%(default)s)")
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second (%(default)s)")
    options = parser.parse_args()
    settings = Settings(seconds=options.seconds, rates=(options.rate,), sections=())
    try:
        # As in `load`: this selector's timers are fine enough for the open loop's schedule.
        with asyncio.Runner(
            loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
        ) as runner:
            report = runner.run(measure(settings))
    except (BenchmarkError, YingdaError) as error:
        sys.stderr.write(f"bundles: {error}\n")
        return 2
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


async def measure(settings: Settings) -> Report:
    """The whole report. Raises: BenchmarkError."""
    texts = unseen(read_utterances(), f"{settings.seed}:bundles")
    report: Report = {"date": machine.now(), "commit": machine.commit(), "machine": machine.describe()}
    with tempfile.TemporaryDirectory(prefix="yingda-") as name:
        async with running(Path(name), settings) as system:
            other = copy_signed(Path(name) / SECOND, Path(name) / "data" / "signing.key")
            report["phases"] = await _phases(system, texts, settings, other)
        report["summary"] = summarize(report["phases"])
        report["hot_path"] = await asyncio.to_thread(hot_path, Path(name), texts)
    return report


def copy_signed(target: Path, key: Path) -> dict[str, bytes]:
    """The shipped bundle under another name, as files."""
    shutil.copytree(SHIPPED_BUNDLE, target)
    manifest = Manifest.load(target)
    content = {**json.loads((target / "manifest.json").read_text(encoding="utf-8")), "id": SECOND}
    signature.sign(Manifest(**{**content, "intents": manifest.intents}), key).save(target)
    return {
        one.relative_to(target).as_posix(): one.read_bytes() for one in target.rglob("*") if one.is_file()
    }


async def _phases(
    system: System, texts: Iterator[str], settings: Settings, other: dict[str, bytes]
) -> list[Report]:
    found: list[Report] = []
    async with ModelClient(system.gateway.address, tenant=next(system.tenants), timeout=120) as client:
        await client.put_bundle(other)
        for number, (name, change) in enumerate(_CHANGES):
            tenant = next(system.tenants)
            await employ(system.gateway.address, tenant, settings.agents)
            source = Traffic(texts, tenant=tenant, name=f"b{number}", seed=f"{settings.seed}:{number}")
            sys.stderr.write(f"bundles: {name}\n")
            act = _act(client, change, unary.WARM_UP_SECONDS + settings.seconds / 2)
            found.append({"phase": name, **await _phase(system, source, settings, act)})
    return found


def summarize(phases: Sequence[Report]) -> Report:
    """What was asked: failed calls, the worst p99; beside it what the phases differ by among which nothing is done."""
    quiet = [one["p99_ms"] for one in phases if one["phase"] == _NOTHING]
    usual = statistics.median(quiet)
    ratios = {one["phase"]: one["p99_ms"] / usual for one in phases if one["phase"] != _NOTHING}
    worst = max(ratios, key=lambda name: ratios[name])
    return {
        "failed": sum(one["failed"] for one in phases),
        "p99_ms_while_nothing_is_done": usual,
        "noise": [round(min(quiet) / usual, 2), round(max(quiet) / usual, 2)],
        "p99_ratio": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "worst": worst,
    }


async def _phase(system: System, source: Traffic, settings: Settings, act: Awaitable[float]) -> Report:
    services = (system.gateway, system.engine)
    async with grpc.aio.insecure_channel(system.gateway.address) as channel:
        method: unary.Method = channel.unary_unary(unary.METHOD)
        record, seconds = await asyncio.gather(
            unary.open_loop(method, source, services, settings, settings.rates[0]),
            act,
        )
    taken = record.taken
    return {
        "calls": len(record.answers),
        "failed": sum(record.failures.values()),
        "p50_ms": round(1000 * percentile(taken, 0.5), 2),
        "p99_ms": round(1000 * percentile(taken, 0.99), 2),
        "max_ms": round(1000 * max(taken), 2),
        "client_late_p99_ms": round(1000 * percentile(record.late, 0.99), 2),
        "change_took_seconds": round(seconds, 2),
        "engine_cpu_us_per_message": round(1e6 * record.cpu["engine"] / max(len(taken), 1), 1),
        "engine_rss_mb": round(system.engine.rss_mb(), 1),
    }


async def _act(client: ModelClient, change: Action | None, wait: float) -> float:
    """Do it in the middle of the phase; seconds that it took."""
    await asyncio.sleep(wait)
    began = time.perf_counter()
    if change:
        await change(client)
    return time.perf_counter() - began


def hot_path(folder: Path, texts: Iterator[str]) -> Report:
    """CPU microseconds a message of the answering thread, without and with a bundle that reads everything along."""
    with inside.running(folder / "inside") as engine:
        engine.employ("shop", 32)
        # Of a generation only the pipeline is used here.
        switch = Switch(cast(Generation, SimpleNamespace(pipeline=engine.pipeline)))
        trials = Trials(switch=switch, codec=ProtoModelCodec())
        shadow = load(SHIPPED_BUNDLE)
        source = Traffic(texts, tenant="shop", name="hot", seed="hot")
        costs: dict[bool, list[float]] = {False: [], True: []}
        for number in range(_ROUNDS):
            is_shadowed = bool(number % 2)
            following = shadow if is_shadowed else None
            trials.follow(Deployment(active="a", shadow="b"), following, None, lambda _id, _why: None)
            costs[is_shadowed].append(_cost(switch, source))
            if is_shadowed:
                trials.settle(60)
        report = trials.shadow()
        trials.close()
    without, with_one = (statistics.median(costs[one]) for one in (False, True))
    return {
        "without_us": round(without, 1),
        "with_shadow_us": round(with_one, 1),
        "ratio": round(with_one / without, 3),
        "messages_a_round": 8 * _FRAME,
        "read_along": report.messages if report else 0,
    }


def _cost(switch: Switch, source: Traffic) -> float:
    """CPU microseconds a message of this thread, over a few frames as far apart as 500 messages a second are."""
    used = 0.0
    for _ in range(8):
        batch = codec.decode([source.message().SerializeToString() for _ in range(_FRAME)])
        began = time.thread_time()
        switch.process(batch)
        used += time.thread_time() - began
        time.sleep(_FRAME / 500)
    return 1e6 * used / (8 * _FRAME)


if __name__ == "__main__":
    sys.exit(main())
