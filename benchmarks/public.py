"""`python -m benchmarks.public`: the shipped encoder and our heads on public sets, beside other ways.

One pipeline for every set; what it may choose it chooses on held-out training rows, and test rows are read once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import benchmarks.one_thread  # noqa: F401  (before numpy)

# isort: split
import numpy as np

from benchmarks import machine, public_finetune, public_fusion, public_measure, public_methods, public_sets
from benchmarks.public_finetune import TuneSettings
from benchmarks.public_fusion import Recipe
from benchmarks.public_measure import Result
from benchmarks.public_methods import READ_AGAIN, Encode, Fit, Predict, Remembering
from benchmarks.public_sets import CHINESE, EMOTIONS, SETS, Rows, Split
from models import bundle, extras, teacher
from models.augment import add_typos
from models.encoder import StaticEncoder, Table
from models.errors import ModelsError
from models.teacher import CACHE, TeacherCache

BUNDLE: Final = Path("models/bundles/ecommerce")
SHOTS: Final = (0, 10, 5)
STEPS: Final = 100  # of tuning, between two lines that say so
NOISE: Final = 0.03  # share of letters mistyped
NOISY_SET: Final = "banking77"  # tested with mistyped letters too
OURS: Final = "ours"
BASELINE: Final = "tf-idf + LR"
EVERYWHERE: Final = frozenset({OURS, BASELINE})  # the others are of English alone
CASCADE: Final = "ours, a tenth read again by MiniLM (cascade)"
MODEL2VEC: Final = "MiniLM distilled by model2vec + LR"
TUNED: Final = "MiniLM tuned on pairs + LR (SetFit)"
READ: Final = {
    CASCADE: READ_AGAIN,
    MODEL2VEC: 0.0,
    OURS: 0.0,
    BASELINE: 0.0,
}  # share read by MiniLM; else all

Report = Callable[[str], None]


def run(folder: Path, names: Sequence[str], methods: Mapping[str, Fit], report: Report) -> Iterator[Result]:
    """Yield a result for each set, number of shots and method."""
    for name in names:
        split = public_sets.read_anger(folder) if name == EMOTIONS else public_sets.read(folder, name)
        for shots in SHOTS if name != EMOTIONS else (0,):
            train = public_sets.draw_shots(split.train, shots, seed=0)
            for method, fit in methods.items():
                if suits(method, name, shots):
                    report(f"{name}, {shots or 'all'} rows a class, {method}")
                    predict = fit(train)
                    yield public_measure.measure(name, shots, method, predict, split.test)
                    if name == NOISY_SET and not shots and method in EVERYWHERE:
                        yield public_measure.measure(f"{name}, 3 % noise", 0, method, predict, spoil(split))


def suits(method: str, name: str, shots: int) -> bool:
    """Whether a method is tried: those made of MiniLM in English alone, tuning where rows are few."""
    return method in EVERYWHERE or (name not in CHINESE and (method != TUNED or shots > 0))


def add_reading(result: Result, microseconds: float) -> Result:
    """Add the time of MiniLM, whose vectors are kept in a file, for the share of the messages that it reads."""
    spent = result.microseconds + READ.get(result.method, 1.0) * microseconds
    return replace(result, microseconds=round(spent, 1))


def spoil(split: Split) -> Rows:
    """Give the test rows with mistyped letters."""
    rng = np.random.default_rng(7)
    texts = tuple(add_typos(text, NOISE, rng) for text in split.test.texts)
    return Rows(texts=texts, y=split.test.y)


def list_methods(encoder: Path, cache: Path | None, report: public_finetune.Report) -> dict[str, Fit]:
    """Give every method by name; those with MiniLM need the extra `train` and a cache for its vectors."""
    ours = public_fusion.fused(StaticEncoder(Table.load(encoder)))
    found: dict[str, Fit] = {OURS: ours, BASELINE: public_methods.tfidf}
    if cache is None:
        return found
    minilm = remember(teacher.load_encoder(), cache)
    slow = public_fusion.fused(Remembering(minilm), recipes=[Recipe(copies=0)])
    return {
        **found,
        CASCADE: public_methods.cascaded(ours, slow),
        "MiniLM and n-grams": slow,
        "MiniLM + LR": public_methods.embedded(minilm),
        "MiniLM, 5 nearest (semantic-router)": public_methods.routed(minilm),
        MODEL2VEC: embed_later(lambda: distill_model2vec(cache.with_name("model2vec"))),
        TUNED: public_finetune.fine_tuned(teacher.find_packaged(), TuneSettings(), report),
    }


def remember(encode: Encode, folder: Path) -> Encode:
    """Give an encoder that keeps its vectors in `folder`; its time then says nothing."""
    cache = TeacherCache(folder)

    def recall(texts: Sequence[str]) -> public_methods.Float32Array:
        cache.fill(texts, encode, lambda done, total: None)
        return cache.vectors(texts)

    return recall


def embed_later(make: Callable[[], Encode]) -> Fit:
    """Give logistic regression on the vectors of an encoder that is made only when it is needed."""

    def fit(rows: Rows) -> Predict:
        return public_methods.embedded(make())(rows)

    return fit


def distill_model2vec(folder: Path) -> Encode:
    """Give MiniLM's static table as model2vec makes it, kept in `folder`. Raises: MissingExtraError."""
    if not folder.is_dir():
        made = extras.load("model2vec.distill").distill(model_name=teacher.find_packaged(), pca_dims=256)
        made.save_pretrained(folder)
    model = extras.load("model2vec").StaticModel.from_pretrained(folder)

    def encode(texts: Sequence[str]) -> public_methods.Float32Array:
        vectors: public_methods.Float32Array = model.encode(list(texts)).astype(np.float32)
        return vectors

    return encode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table; give the exit status."""
    options = _parse(arguments)
    try:
        found = list_methods(
            options.encoder, options.minilm, lambda done, total: _say_steps(options, done, total)
        )
        methods = {name: fit for name, fit in found.items() if name in (options.methods or found)}
        results = list(run(options.data, options.sets, methods, lambda step: _say(options, step)))
        if any(READ.get(result.method, 1.0) for result in results):
            reading = public_measure.time_encoder(teacher.load_encoder(), options.data)
            results = [add_reading(result, reading) for result in results]
        speed = public_measure.measure_speed(bundle.load(options.bundle), options.data)
    except ModelsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.json:
        rows = [asdict(result) for result in results]
        found_all = {"machine": machine.describe(), "speed": [asdict(one) for one in speed], "results": rows}
        sys.stdout.write(json.dumps(found_all, indent=1) + "\n")
    else:
        here = str(machine.describe()["cpu"])
        lines = [*public_measure.list_lines(results), ""] if results else []
        lines += public_measure.list_speed([(one, here) for one in speed])
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _say_steps(options: argparse.Namespace, done: int, total: int) -> None:
    if done % STEPS == 0 or done == total:
        _say(options, f"  step {done} of {total}")


def _say(options: argparse.Namespace, step: str) -> None:
    if not options.quiet:
        sys.stderr.write(step + "\n")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public",
        description=__doc__,
        epilog="example: python -m benchmarks.public --data ../shared/data --json",
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="public data (%(default)s)")
    parser.add_argument(
        "--encoder", type=Path, default=BUNDLE / bundle.ENCODER_FOLDER, help="encoder folder (%(default)s)"
    )
    parser.add_argument(
        "--bundle", type=Path, default=BUNDLE, help="bundle whose speed is measured (%(default)s)"
    )
    parser.add_argument("--sets", nargs="+", default=[*SETS, EMOTIONS], choices=[*SETS, EMOTIONS])
    parser.add_argument(
        "--speed",
        action="store_const",
        dest="sets",
        const=[],
        help="only time the bundle: CPU a message with all heads",
    )
    parser.add_argument("--methods", nargs="+", help="run these alone, by the names in the table")
    parser.add_argument(
        "--minilm",
        type=Path,
        nargs="?",
        const=CACHE,
        help="compare with MiniLM too (extra train; minutes); keep its vectors here (%(const)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="do not say what is being done")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
