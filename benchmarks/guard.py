"""Guard against becoming slower: `python -m benchmarks.guard`. Fails where a count is 15 % above what is recorded.

Wall time says little on a shared machine, so what is compared are counts that are the same on every machine (calls of
functions, Python's and C's; instructions of SQLite's virtual machine; bytes journaled), and CPU time as a multiple of
a yardstick that runs between the batches: parsing the same frames and writing them as JSON. The counts repeat exactly;
the multiple does not, for other work takes the caches that a model needs and a yardstick hardly does: the calmest
round counts, and it may be half as much again. `--record` writes what was measured to benchmarks/recorded.json, to be
committed with the change that explains it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from benchmarks import inside, yardstick
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import Traffic

RECORDED = Path(__file__).with_name("recorded.json")
TOLERANCE = 1.15
_LOOSE = {"cpu_times_yardstick": 1.5}
BATCH = 256  # messages
WARM_UP = 6  # batches
COUNTED = 4  # batches whose calls and instructions are counted
ROUNDS = 6
TIMED = 12  # batches of a round
_AGENTS = 32

Figures = dict[str, float]


def main(words: Sequence[str] | None = None) -> int:
    """Print measured and recorded figures; 1 if one is worse than it may be."""
    args = _parser().parse_args(words)
    found = measure()
    if args.record:
        RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    recorded: Figures = json.loads(RECORDED.read_text(encoding="utf-8"))
    worse = [name for name, value in found.items() if value > _LOOSE.get(name, TOLERANCE) * recorded[name]]
    for name, value in found.items():
        change = f"{value / recorded[name] - 1:+.1%}{', beyond what is allowed' if name in worse else ''}"
        sys.stdout.write(f"{name:28} {value:10.2f}  recorded {recorded[name]:10.2f}  {change}\n")
    return 1 if worse else 0


def measure() -> Figures:
    """Per message of frames that nobody sent before, after some warming up."""
    traffic = Traffic(unseen(read_utterances(), "guard"), tenant="guard", name="g", seed="guard")
    frames = [traffic.frame(BATCH) for _ in range(WARM_UP + COUNTED + ROUNDS * TIMED)]
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder, inside.running(Path(folder)) as engine:
        engine.employ("guard", _AGENTS)
        for frame in frames[:WARM_UP]:
            engine.process(frame)
        counted, timed = frames[WARM_UP : WARM_UP + COUNTED], frames[WARM_UP + COUNTED :]
        counts = _counts(engine, counted)
        ratios = [_seconds(engine.process, frame) / _seconds(yardstick.lay, frame) for frame in timed]
    rounds = [statistics.median(ratios[at : at + TIMED]) for at in range(0, len(ratios), TIMED)]
    return {**counts, "cpu_times_yardstick": min(rounds)}


def _counts(engine: inside.Engine, frames: Sequence[bytes]) -> Figures:
    calls = steps = 0

    def call(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    before = engine.journal_bytes()
    engine.watch_sqlite(step)
    sys.setprofile(call)
    for frame in frames:
        engine.process(frame)
    sys.setprofile(None)
    engine.watch_sqlite(None)
    messages = len(frames) * BATCH
    return {
        "calls_per_message": (calls - steps) / messages,  # each step is a call of ours
        "sqlite_steps_per_message": steps / messages,
        "journal_bytes_per_message": (engine.journal_bytes() - before) / messages,
    }


def _seconds(work: Callable[[bytes], object], frame: bytes) -> float:
    began = time.thread_time()
    work(frame)
    return time.thread_time() - began


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guard", description="Compare what a message costs with what is recorded."
    )
    parser.add_argument("--record", action="store_true", help="record what is measured now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
