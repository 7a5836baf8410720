"""Measure the engine's pipeline from inside: `python -m benchmarks.profile`. JSON, µs of CPU per message by stage.

Once with texts that nobody wrote before and nothing remembered, once with texts half of which come again.

No gRPC and no other process: the parts that the engine's bootstrap puts together, one thread, batch after batch, the
collector of cycles tuned as a service tunes it.
A stage's time leaves out the stages within it, so that they add up to the whole; the calmest quarter of the batches
shows what they cost where other work disturbs the machine less. What one message costs that comes alone, to caches
that grew cold: `--batch 1 --pause 0.004`; and without that: `--batch 1`. To see single functions:

    python -m cProfile -s tottime -m benchmarks.profile --batches 40 | head -60   (inflates small functions)
    py-spy record --rate 500 --native -o profile.svg -- python -m benchmarks.profile --batches 200
    py-spy top --native --pid PID_OF_THE_ENGINE    (while `python -m benchmarks.load --only stream` runs)
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from yingda.service import lifecycle

from benchmarks import inside, machine
from benchmarks.stopwatch import Stopwatch
from benchmarks.system import CAPACITY
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import NEW_SHARE, Traffic

REMEMBERED = 8192  # texts, as an engine does unless it is told otherwise
COMMON = 500  # texts that come again
COMMON_SHARE = 0.5
WARM_UP = 4  # batches of each tenant that are not counted
_FULL = 1 / 3  # of a team's places are taken, and the next tenant's turn comes

Stages = dict[str, float]  # CPU seconds of one batch by stage


def main() -> None:
    """Print the profile."""
    args = _parser().parse_args()
    lifecycle.settle()
    report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "parameters": vars(args),
        "unseen_texts": measure(args, unseen(read_utterances(), f"{args.seed}:texts"), remembered=0),
        "repeated_texts": measure(args, _repeated(args.seed), remembered=REMEMBERED),
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def measure(args: argparse.Namespace, texts: Iterator[str], *, remembered: int) -> dict[str, object]:
    """Process so many batches, and say what a message costs in each stage; nothing is remembered where that is 0."""
    stopwatch, size = Stopwatch(), args.batch
    found: list[Stages] = []
    with (
        tempfile.TemporaryDirectory(prefix="yingda-") as folder,
        inside.running(Path(folder), remembered) as engine,
        inside.watched(stopwatch),
    ):
        for number, count in enumerate(_rounds(args.batches, size, args.agents)):
            tenant = f"profile-{number}"
            engine.employ(tenant, args.agents)
            traffic = Traffic(texts, tenant=tenant, name="p", seed=f"{args.seed}:{number}")
            frames = [traffic.frame(size) for _ in range(WARM_UP + count)]
            found += list(_process(engine, stopwatch, frames, args.pause))[WARM_UP:]
        memory = engine.memory
    calmest = sorted(found, key=lambda one: sum(one.values()))[: max(len(found) // 4, 1)]
    return {
        "messages": len(found) * size,
        "remembered_share": memory.hits / (memory.hits + memory.misses) if memory else 0.0,
        "us_per_message": _mean(found, size),
        "us_per_message_in_calmest_quarter": _mean(calmest, size),
    }


def _repeated(seed: int) -> Iterator[str]:
    """Half of the texts from a few that everybody writes, the others unseen."""
    random_, fresh = random.Random(f"{seed}:repeated"), unseen(read_utterances(), f"{seed}:texts")
    common = [next(fresh) for _ in range(COMMON)]
    while True:
        yield random_.choice(common) if random_.random() < COMMON_SHARE else next(fresh)


def _process(
    engine: inside.Engine, stopwatch: Stopwatch, frames: Sequence[bytes], pause: float
) -> Iterator[Stages]:
    for frame in frames:
        time.sleep(pause)
        stopwatch.reset()
        engine.process(frame)
        yield dict(stopwatch.seconds)


def _rounds(batches: int, size: int, agents: int) -> Iterator[int]:
    """Batches of each tenant in turn: as many as its agents have room for."""
    most = max(int(agents * CAPACITY * _FULL / NEW_SHARE / size) - WARM_UP, 1)
    while batches > 0:
        yield min(batches, most)
        batches -= most


def _mean(batches: Sequence[Stages], size: int) -> dict[str, float]:
    """Microseconds per message, of the whole and of each stage, the dearest first."""
    seconds: Counter[str] = Counter()
    for one in batches:
        seconds.update(one)
    each = {stage: taken / len(batches) / size * 1e6 for stage, taken in seconds.most_common()}
    return {"total": sum(each.values()), **each}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile", description="CPU time of the engine's stages."
    )
    parser.add_argument("--batches", type=int, default=100, help="how many are counted (100)")
    parser.add_argument("--batch", type=int, default=256, help="messages in each (256)")
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds before each, in which caches grow cold (0)"
    )
    parser.add_argument("--agents", type=int, default=32, help="agents of each tenant (32)")
    parser.add_argument("--seed", type=int, default=1, help="other texts and customers (1)")
    return parser


if __name__ == "__main__":
    main()
