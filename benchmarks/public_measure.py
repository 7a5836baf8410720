"""Accuracy, calibration and time of one method on one set; the speed of a whole bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import public_sets
from benchmarks.public_methods import Encode, LogArray, Predict
from benchmarks.public_sets import Rows
from models import metrics
from models.bundle import Bundle

BATCH: Final = 256  # texts
TWO: Final = 2  # classes: what is looked for, and the rest
ALONE: Final = 1000  # texts read one by one
ROUNDS: Final = 5  # the whole set is read this often; the best counts, which other work disturbs least
SPEED_SETS: Final = ("banking77", "crosswoz")  # English and Chinese


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table."""

    data: str
    shots: int  # training rows a class; 0: all
    method: str
    accuracy: float
    low: float  # 95 % interval, by drawing test rows
    high: float
    f1: float | None  # of class 1, called where it is the likelier; sets of two classes only
    auroc: float | None
    calibration_error: float
    microseconds: float  # CPU a message, batches of 256, one thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """CPU of a whole bundle (features, encoder, all heads, calibration), one thread."""

    data: str
    microseconds: float  # a message, batches of 256
    per_second: int  # messages a core
    alone_p50: float  # milliseconds
    alone_p99: float  # milliseconds


def measure(data: str, shots: int, method: str, predict: Predict, test: Rows) -> Result:
    """Score the test rows."""
    start = time.process_time()
    logs = np.concatenate([predict(part) for part in _batches(test.texts)])
    spent = (time.process_time() - start) / test.y.size
    right = logs.argmax(axis=1) == test.y
    found = metrics.estimate(lambda rows: metrics.share(right[rows]), np.arange(right.size).astype(np.str_))
    return Result(
        data=data,
        shots=shots,
        method=method,
        accuracy=round(found.value, 4),
        low=round(found.low, 4),
        high=round(found.high, 4),
        **_measure_two(logs, test),
        calibration_error=round(metrics.calibration_error(np.exp(logs.max(axis=1)), right), 4),
        microseconds=round(spent * 1e6, 1),
    )


def measure_speed(bundle: Bundle, folder: Path) -> list[Speed]:
    """Time the bundle on the test texts of SPEED_SETS, as far as they are there."""
    names = [name for name in SPEED_SETS if (folder / name).is_dir()]
    return [time_bundle(bundle, name, public_sets.read(folder, name).test.texts) for name in names]


def time_encoder(encode: Encode, folder: Path) -> float:
    """Give the µs of CPU a message that an encoder takes in batches of 256, on one thread."""
    texts = public_sets.read(folder, SPEED_SETS[0]).test.texts[: 2 * BATCH]
    return 1e6 * _time(lambda: [encode(part) for part in _batches(texts)]) / len(texts)


def time_bundle(bundle: Bundle, name: str, texts: Sequence[str]) -> Speed:
    """Time a bundle on texts."""
    batch = _best_of(lambda: [bundle.predict(part) for part in _batches(texts)]) / len(texts)
    alone = sorted(_time(partial(bundle.predict, [text])) for text in texts[:ALONE])
    return Speed(
        data=name,
        microseconds=round(batch * 1e6, 1),
        per_second=round(1 / batch),
        alone_p50=round(alone[len(alone) // 2] * 1e3, 3),
        alone_p99=round(alone[len(alone) * 99 // 100] * 1e3, 3),
    )


def list_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a table for people, in Markdown."""
    yield "| data | rows a class | method | accuracy, % | calibration error | µs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for r in results:
        two = f"; F1 {r.f1:.3f}, AUROC {r.auroc:.3f}" if r.f1 is not None else ""
        yield (
            f"| {r.data} | {r.shots or 'all'} | {r.method} | {100 * r.accuracy:.1f} "
            f"[{100 * r.low:.1f}, {100 * r.high:.1f}]{two} | {r.calibration_error:.3f} | {r.microseconds:.1f} |"
        )


def list_speed(speed: Sequence[tuple[Speed, str]]) -> Iterator[str]:
    """Yield the lines of a table of speeds, each with its machine."""
    yield "| the shipped bundle on | machine | µs, batches of 256 | messages/s/core | alone p50, ms | p99, ms |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for s, machine in speed:
        figures = f"{s.microseconds} | {s.per_second:,} | {s.alone_p50} | {s.alone_p99}"
        yield f"| {s.data} | {machine} | {figures} |"


def _measure_two(logs: LogArray, test: Rows) -> dict[str, float | None]:
    """Give F1 and AUROC of class 1, where accuracy says little because it is rare."""
    if logs.shape[1] != TWO:
        return {"f1": None, "auroc": None}
    target = test.y == 1
    return {
        "f1": round(metrics.f1(logs[:, 1] > logs[:, 0], target), 4),
        "auroc": round(metrics.auroc(logs[:, 1] - logs[:, 0], target), 4),
    }


def _batches(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]


def _best_of(work: Callable[[], object]) -> float:
    return min(_time(work) for _ in range(ROUNDS))


def _time(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start
