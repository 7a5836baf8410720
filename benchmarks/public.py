"""`python -m benchmarks.public`: the shipped encoder and our heads on public sets, beside other ways.

One pipeline for every set; what it may choose it chooses on held-out training rows, and test rows are read once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import benchmarks.one_thread  # noqa: F401  (before numpy)

# isort: split
import numpy as np

from benchmarks import machine, public_fusion, public_measure, public_methods, public_sets
from benchmarks.public_fusion import Recipe
from benchmarks.public_measure import Result
from benchmarks.public_methods import Encode, Fit, Remembering
from benchmarks.public_sets import CHINESE, EMOTIONS, SETS, Rows, Split
from models import bundle, extras, teacher
from models.augment import add_typos
from models.encoder import StaticEncoder, Table
from models.errors import ModelsError
from models.teacher import CACHE, TeacherCache

BUNDLE: Final = Path("models/bundles/ecommerce")
SHOTS: Final = (0, 10, 5)
NOISE: Final = 0.03  # share of letters mistyped
NOISY_SET: Final = "banking77"  # tested with mistyped letters too
OURS: Final = "ours"
BASELINE: Final = "tf-idf + LR"
EVERYWHERE: Final = frozenset({OURS, BASELINE})  # the others are of English alone

Report = Callable[[str], None]


def run(folder: Path, names: Sequence[str], methods: Mapping[str, Fit], report: Report) -> Iterator[Result]:
    """Yield a result for each set, number of shots and method."""
    for name in names:
        split = public_sets.read_anger(folder) if name == EMOTIONS else public_sets.read(folder, name)
        for shots in SHOTS if name != EMOTIONS else (0,):
            train = public_sets.draw_shots(split.train, shots, seed=0)
            for method, fit in methods.items():
                if method in EVERYWHERE or name not in CHINESE:
                    report(f"{name}, {shots or 'all'} rows a class, {method}")
                    predict = fit(train)
                    yield public_measure.measure(name, shots, method, predict, split.test)
                    if name == NOISY_SET and not shots and method in EVERYWHERE:
                        yield public_measure.measure(f"{name}, 3 % noise", 0, method, predict, spoil(split))


def spoil(split: Split) -> Rows:
    """Give the test rows with mistyped letters."""
    rng = np.random.default_rng(7)
    texts = tuple(add_typos(text, NOISE, rng) for text in split.test.texts)
    return Rows(texts=texts, y=split.test.y)


def list_methods(encoder: Path, cache: Path | None) -> dict[str, Fit]:
    """Give every method by name; those with MiniLM need the extra `train` and a cache for its vectors."""
    ours = public_fusion.fused(StaticEncoder(Table.load(encoder)))
    found: dict[str, Fit] = {OURS: ours, BASELINE: public_methods.tfidf}
    if cache is None:
        return found
    minilm = remember(teacher.load_encoder(), cache)
    slow = public_fusion.fused(Remembering(minilm), recipes=[Recipe(copies=0)])
    return {
        **found,
        "ours, a tenth read again by MiniLM (cascade)": public_methods.cascaded(ours, slow),
        "MiniLM and n-grams": slow,
        "MiniLM + LR": public_methods.embedded(minilm),
        "MiniLM, 5 nearest (semantic-router)": public_methods.routed(minilm),
        "MiniLM distilled by model2vec + LR": public_methods.embedded(distill_model2vec()),
    }


def remember(encode: Encode, folder: Path) -> Encode:
    """Give an encoder that keeps its vectors in `folder`; its time then says nothing."""
    cache = TeacherCache(folder)

    def recall(texts: Sequence[str]) -> public_methods.Float32Array:
        cache.fill(texts, encode, lambda done, total: None)
        return cache.vectors(texts)

    return recall


def distill_model2vec() -> Encode:
    """Give MiniLM's static table as model2vec makes it. Raises: MissingExtraError."""
    model = extras.load("model2vec.distill").distill(model_name=teacher.find_packaged(), pca_dims=256)

    def encode(texts: Sequence[str]) -> public_methods.Float32Array:
        vectors: public_methods.Float32Array = model.encode(list(texts)).astype(np.float32)
        return vectors

    return encode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table; give the exit status."""
    options = _parse(arguments)
    try:
        found = list_methods(options.encoder, options.minilm)
        methods = {name: fit for name, fit in found.items() if name in (options.methods or found)}
        results = list(run(options.data, options.sets, methods, lambda step: _say(options, step)))
        speed = public_measure.measure_speed(bundle.load(options.bundle), options.data)
    except ModelsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.json:
        rows = [asdict(result) for result in results]
        found_all = {"machine": machine.describe(), "speed": [asdict(one) for one in speed], "results": rows}
        sys.stdout.write(json.dumps(found_all, indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(public_measure.list_lines(results, speed)) + "\n")
    return 0


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
