"""Measure Yingda from outside: `python -m benchmarks.load`, or `make bench`. One JSON document on standard output.

`start`: from the spawning of both services to their serving, and their memory once they rest. `stream`:
StreamMessages in a closed loop of large frames. `unary`: SendMessage in an open loop, latencies from the intended
time of sending. `activity`: SendMessage at 500/s alone, and beside 5,000 recorded activities a second. `floor`: the
frames and calls of `stream` and `unary` through a server that does nothing. CPU time is that of the services alone.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
from yingda import YingdaError

from benchmarks import activity, arguments, floor, machine, stream, table, unary
from benchmarks.errors import BenchmarkError
from benchmarks.settings import Settings
from benchmarks.system import System, resting, running
from benchmarks.texts import fingerprint, read_utterances, unseen

Report = dict[str, Any]  # a JSON document


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    settings, for_people = arguments.parse(words)
    try:
        # Only this selector keeps timers finer than a millisecond, which the open loop's schedule needs.
        with asyncio.Runner(
            loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
        ) as runner:
            report = runner.run(measure(settings))
    except BenchmarkError as error:
        return _refuse(str(error))
    except YingdaError as error:
        return _refuse(f"a service refused what it should not: {error}")
    except grpc.aio.AioRpcError as error:
        return _refuse(f"a service failed: {error.code().name}, {error.details()}")
    except KeyboardInterrupt:
        return _refuse("interrupted")
    sys.stdout.write(table.render(report) if for_people else json.dumps(report, indent=1) + "\n")
    return 0


async def measure(settings: Settings) -> Report:
    """The whole report. Raises: BenchmarkError."""
    utterances = read_utterances()
    texts = unseen(utterances, f"{settings.seed}:texts")
    report: Report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "parameters": asdict(settings) | {"texts": len(utterances), "texts_id": fingerprint(utterances)},
    }
    with tempfile.TemporaryDirectory(prefix="yingda-") as name:
        async with running(Path(name), settings) as system:
            report |= await _start(system)
            if "stream" in settings.sections:
                _progress(f"stream: frames of {settings.frame} over {settings.streams} streams")
                report["stream"] = await stream.measure(system, texts, settings)
            if "unary" in settings.sections:
                _progress(f"unary: {', '.join(map(str, settings.rates))} messages a second")
                report["unary"] = await unary.measure(system, texts, settings)
            if "activity" in settings.sections:
                _progress(
                    f"activity: {activity.RATE} a second beside {activity.MESSAGES:.0f} messages a second"
                )
                report["activity"] = await activity.measure(system, texts, settings)
        if "floor" in settings.sections:
            _progress("floor: the same through an echo server")
            answer_bytes = report.get("stream", {}).get("answer_bytes_per_message", floor.TYPICAL_ANSWER)
            report["floor"] = await floor.measure(Path(name), texts, settings, answer_bytes)
    return report | _ratio(report)


async def _start(system: System) -> Report:
    services = (system.gateway, system.engine)
    seconds = {service.name: service.seconds_to_serving for service in services}
    _progress(f"start: both serve after {max(seconds.values()):.2f} s")
    await resting(services)
    rss = {service.name: service.rss_mb() for service in services}
    return {
        "start": {
            "seconds_to_serving": seconds | {"both": max(seconds.values())},
            "idle_rss_mb": rss | {"together": sum(rss.values())},
        }
    }


def _ratio(report: Report) -> Report:
    """How many times the floor's CPU a message costs, wherever both were measured."""
    floors = report.get("floor", {})
    ratios: Report = {}
    if floors and "stream" in report and _together(floors["stream"]):  # 0: too little was measured
        ratios["stream"] = _together(report["stream"]) / _together(floors["stream"])
    if floors and "unary" in report:
        pairs = zip(report["unary"], floors["unary"], strict=True)
        ratios["unary"] = [
            _together(one) / _together(lowest) if _together(lowest) else 0.0 for one, lowest in pairs
        ]
    return {"ratio_to_floor": ratios} if ratios else {}


def _together(section: Report) -> float:
    cost: dict[str, float] = section["cpu_us_per_message"]
    return cost["together"] if "together" in cost else cost["echo"]


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks: {why}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
