"""Train a bundle from a pack: encoder, heads, calibration, scores, manifest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models import card, crossval, dataset, evaluate, fitting, fusion
from models.bundle import ENCODER_FOLDER
from models.calibration import Calibration
from models.dataset import Examples
from models.encoder import StaticEncoder, Table
from models.features import extract
from models.fitting import HeadSettings
from models.heads import Columns, Heads, Scores
from models.manifest import FORMAT, Manifest, hash_file, hash_folder
from models.metrics import Estimate
from models.taxonomy import LANGUAGES, Taxonomy

PACK_LICENCE = "CC0-1.0"
CARD_FILE = "CARD.md"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What to train from and where to."""

    pack: Path
    output: Path
    encoder: Path  # folder of a table
    created: str  # date, ISO 8601
    heads: HeadSettings = field(default_factory=HeadSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """All parts of a bundle, before they are written."""

    table: Table
    heads: Heads
    calibration: Calibration
    taxonomy: Taxonomy
    scores: Mapping[str, Estimate]


def train(settings: TrainSettings, report: Progress) -> Manifest:
    """Train and write a bundle; an older one in its place is replaced only when the new one is complete."""
    report("reading the pack")
    pack = dataset.read(settings.pack)
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    table = Table.load(settings.encoder)
    encoder = StaticEncoder(table)
    report("fitting on all authors but some, for the calibration and the scores")
    calibration, figures = _cross_validate(examples, pack.taxonomy, encoder, settings.heads)
    report("fitting on everything")
    heads = fitting.fit(examples, encoder, settings.heads)
    trained = Trained(
        table=table, heads=heads, calibration=calibration, taxonomy=pack.taxonomy, scores=figures
    )
    return write(trained, settings, rows=len(examples.texts))


def measure_pack(folder: Path, encoder: Path) -> Mapping[str, Estimate]:
    """Give the figures that a bundle trained from a pack would carry."""
    pack = dataset.read(folder)
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    return _cross_validate(examples, pack.taxonomy, StaticEncoder(Table.load(encoder)), HeadSettings())[1]


def _cross_validate(
    examples: Examples, labels: Taxonomy, encoder: StaticEncoder, settings: HeadSettings
) -> tuple[Calibration, Mapping[str, Estimate]]:
    """Give the calibration from out-of-fold scores, and the figures of answers it never saw."""
    columns = Columns(intents=len(labels.intents))
    scores = crossval.score_out_of_fold(examples, make_scorer(examples, encoder, settings))
    outcome = crossval.calibrate_out_of_fold(scores, examples, columns)
    figures = evaluate.measure(evaluate.judge(outcome, examples, labels))
    return fusion.fit(scores, examples, columns), figures


def make_scorer(examples: Examples, encoder: StaticEncoder, settings: HeadSettings) -> crossval.Scorer:
    """Give what fits heads on some rows of `examples` and scores others."""

    def score(train_rows: npt.NDArray[np.int64], test_rows: npt.NDArray[np.int64]) -> Scores:
        heads = fitting.fit(examples.take(train_rows), encoder, settings)
        features = extract(examples.take(test_rows).texts)
        return heads.score(features, encoder.encode_features(features))

    return score


def write(trained: Trained, settings: TrainSettings, *, rows: int) -> Manifest:
    """Write all parts beside `settings.output`, then put them in its place."""
    fresh = settings.output.with_name(settings.output.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / ENCODER_FOLDER).mkdir(parents=True)
    trained.table.save(fresh / ENCODER_FOLDER)
    trained.heads.save(fresh)
    trained.calibration.save(fresh)
    manifest = _describe(trained, settings, fresh, rows=rows)
    (fresh / CARD_FILE).write_text(card.write(manifest, trained.scores), encoding="utf-8")
    manifest = replace(manifest, files=hash_folder(fresh))
    manifest.save(fresh)
    shutil.rmtree(settings.output, ignore_errors=True)
    fresh.rename(settings.output)
    return manifest


def _describe(trained: Trained, settings: TrainSettings, folder: Path, *, rows: int) -> Manifest:
    files = hash_folder(folder)
    return Manifest(
        format=FORMAT,
        id=f"{settings.pack.name}-{_digest(files.values())[:12]}",
        created=settings.created,
        encoder={
            "kind": "static",
            "dimension": int(trained.table.vectors.shape[1]),
            "fingerprint": _digest(value for name, value in files.items() if name.startswith(ENCODER_FOLDER)),
        },
        intents=trained.taxonomy.intents,
        skills=trained.taxonomy.skills,
        thresholds={
            language: {
                "scope": round(float(trained.calibration.scope_threshold[number]), 6),
                "anger": round(float(trained.calibration.anger_threshold[number]), 6),
            }
            for number, language in enumerate(LANGUAGES)
        },
        data={
            settings.pack.name: {"licence": PACK_LICENCE, "rows": rows, "sha256": hash_pack(settings.pack)}
        },
        seed=settings.heads.seed,
        scores={name: (e.value, e.low, e.high) for name, e in trained.scores.items()},
        files=files,
    )


def hash_pack(folder: Path) -> str:
    """Give one SHA-256 over all files that a pack's models learn from."""
    names = ("taxonomy.yaml", "utterances/*.csv", "dialogues/*.jsonl")
    files = [file for name in names for file in sorted(folder.glob(name))]
    return _digest(hash_file(file) for file in files)


def _digest(hashes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
