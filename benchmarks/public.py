"""`python -m benchmarks.public`: the shipped encoder and our heads on public sets, beside other ways.

One pipeline and one setting for every set; nothing is tuned to a set, and its test rows are read once.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks import public_methods, public_sets
from benchmarks.public_methods import Fit, Predict
from benchmarks.public_sets import CHINESE, EMOTIONS, SETS, Rows, Split
from models import metrics, teacher
from models.augment import add_typos
from models.encoder import StaticEncoder, Table
from models.errors import ModelsError

ENCODER: Final = Path("models/bundles/ecommerce/encoder")
SHOTS: Final = (0, 10, 5)
NOISE: Final = 0.03  # share of letters mistyped
BATCH: Final = 256  # texts
TWO: Final = 2  # classes: what is looked for, and the rest
OURS: Final = "ours"
OURS_NOISY: Final = "ours, noisy copies"


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
    microseconds: float  # a message, batches of 256, one process


def run(folder: Path, names: Sequence[str], methods: Mapping[str, Fit]) -> Iterator[Result]:
    """Yield a result for each set, number of shots and method."""
    for name in names:
        split = public_sets.read_anger(folder) if name == EMOTIONS else public_sets.read(folder, name)
        for shots in SHOTS if name != EMOTIONS else (0,):
            train = public_sets.draw_shots(split.train, shots, seed=0)
            for method, fit in methods.items():
                if name not in CHINESE or method.startswith((OURS, "tf-idf")):
                    yield measure(f"{name}", shots, method, fit(train), split.test)
        if name == "banking77" and OURS_NOISY in methods:
            yield measure_noise(split, methods[OURS_NOISY])


def measure(data: str, shots: int, method: str, predict: Predict, test: Rows) -> Result:
    """Score the test rows."""
    start = time.process_time()
    parts = [predict(test.texts[first : first + BATCH]) for first in range(0, test.y.size, BATCH)]
    spent = (time.process_time() - start) / test.y.size
    logs = np.concatenate(parts)
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


def _measure_two(logs: npt.NDArray[np.float64], test: Rows) -> dict[str, float | None]:
    """Give F1 and AUROC of class 1, where accuracy says little because it is rare."""
    if logs.shape[1] != TWO:
        return {"f1": None, "auroc": None}
    target = test.y == 1
    return {
        "f1": round(metrics.f1(logs[:, 1] > logs[:, 0], target), 4),
        "auroc": round(metrics.auroc(logs[:, 1] - logs[:, 0], target), 4),
    }


def measure_noise(split: Split, fit: Fit) -> Result:
    """Score test rows with mistyped letters."""
    rng = np.random.default_rng(7)
    texts = tuple(add_typos(text, NOISE, rng) for text in split.test.texts)
    return measure("banking77, 3 % noise", 0, OURS_NOISY, fit(split.train), Rows(texts=texts, y=split.test.y))


def list_methods(encoder: Path, *, with_teacher: bool) -> dict[str, Fit]:
    """Give every method by name; those with MiniLM need the extra `train`."""
    ours = StaticEncoder(Table.load(encoder))
    found: dict[str, Fit] = {
        OURS: public_methods.fused(ours),
        OURS_NOISY: public_methods.fused(ours, noise=NOISE),
        "tf-idf + LR": public_methods.tfidf,
    }
    if with_teacher:
        minilm = teacher.load_encoder()
        found["MiniLM + LR"] = public_methods.embedded(minilm)
        found["MiniLM, 5 nearest (semantic-router)"] = public_methods.routed(minilm)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table; give the exit status."""
    options = _parse(arguments)
    try:
        found = list_methods(options.encoder, with_teacher=options.minilm)
        methods = {name: fit for name, fit in found.items() if name in (options.methods or found)}
        results = list(run(options.data, options.sets, methods))
    except ModelsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    rows = [asdict(result) for result in results]
    sys.stdout.write((json.dumps(rows, indent=1) if options.json else _draw(results)) + "\n")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public",
        description=__doc__,
        epilog="example: python -m benchmarks.public --data ../shared/data --json",
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="public data (%(default)s)")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="encoder folder (%(default)s)")
    parser.add_argument("--sets", nargs="+", default=[*SETS, EMOTIONS], choices=[*SETS, EMOTIONS])
    parser.add_argument("--methods", nargs="+", help="run these alone, by the names in the table")
    parser.add_argument("--minilm", action="store_true", help="compare with MiniLM too (extra train; slow)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def _draw(results: Sequence[Result]) -> str:
    head = [
        "| data | shots | method | accuracy | calibration error | µs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join(
        head
        + [
            f"| {r.data} | {r.shots or 'all'} | {r.method} | {100 * r.accuracy:.1f} "
            f"[{100 * r.low:.1f}, {100 * r.high:.1f}] | {r.calibration_error:.3f} | {r.microseconds:.1f} |"
            for r in results
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
