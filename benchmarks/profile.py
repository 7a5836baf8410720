"""Measure the engine's pipeline from inside: `python -m benchmarks.profile`. JSON, µs of CPU per message by stage.

No gRPC and no other process: the parts that the engine's bootstrap puts together, one thread, batch after batch.
A stage's time leaves out the stages within it, so that they add up to the whole. To see single functions:

    python -m cProfile -s tottime -m benchmarks.profile --batches 40 | head -60   (inflates small functions)
    py-spy record --rate 500 --native -o profile.svg -- python -m benchmarks.profile --batches 200
    py-spy top --native --pid PID_OF_THE_ENGINE    (while `python -m benchmarks.load --only stream` runs)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import inside, machine
from benchmarks.stopwatch import Stopwatch
from benchmarks.system import CAPACITY
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import NEW_SHARE, Traffic

WARM_UP = 4  # batches of each tenant that are not counted
_FULL = 1 / 3  # of a team's places are taken, and the next tenant's turn comes


def main() -> None:
    """Print the profile."""
    args = _parser().parse_args()
    report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "parameters": vars(args),
        **measure(args.batches, args.batch, args.agents, args.seed),
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def measure(batches: int, size: int, agents: int, seed: int) -> dict[str, object]:
    """Process so many batches of this size, and say what a message costs in each stage."""
    stopwatch = Stopwatch()
    inside.watch(stopwatch)
    texts = unseen(read_utterances(), f"{seed}:texts")
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder, inside.running(Path(folder)) as engine:
        for number, count in enumerate(_rounds(batches, size, agents)):
            tenant = f"profile-{number}"
            engine.employ(tenant, agents)
            traffic = Traffic(texts, tenant=tenant, name="p", seed=f"{seed}:{number}")
            frames = [traffic.frame(size) for _ in range(WARM_UP + count)]
            for frame in frames[:WARM_UP]:
                engine.process(frame)
            stopwatch.reset()
            for frame in frames[WARM_UP:]:
                engine.process(frame)
            total.update(stopwatch.seconds)
    return _report(total, batches * size)


def _rounds(batches: int, size: int, agents: int) -> Iterator[int]:
    """Batches of each tenant in turn: as many as its agents have room for."""
    most = max(int(agents * CAPACITY * _FULL / NEW_SHARE / size) - WARM_UP, 1)
    while batches > 0:
        yield min(batches, most)
        batches -= most


def _report(seconds: Mapping[str, float], messages: int) -> dict[str, object]:
    each = {stage: taken / messages * 1e6 for stage, taken in seconds.items()}
    total = sum(each.values())
    ordered = sorted(each.items(), key=lambda item: -item[1])
    return {
        "messages": messages,
        "us_per_message": {"total": total, **dict(ordered)},
        "share": {stage: taken / total for stage, taken in ordered},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile", description="CPU time of the engine's stages."
    )
    parser.add_argument("--batches", type=int, default=100, help="how many are counted (100)")
    parser.add_argument("--batch", type=int, default=256, help="messages in each (256)")
    parser.add_argument("--agents", type=int, default=32, help="agents of each tenant (32)")
    parser.add_argument("--seed", type=int, default=1, help="other texts and customers (1)")
    return parser


if __name__ == "__main__":
    main()
