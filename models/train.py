"""Train a bundle from a pack: encoder, heads, calibration, scores, manifest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models import card, dataset, discrepancy, distill, fitting, provenance, sources, validation
from models.bundle import ENCODER_FOLDER
from models.dataset import Pack
from models.discrepancy import Reference
from models.distill import DistillSettings
from models.encoder import StaticEncoder, Table
from models.encoding import Encoder, SentenceEncoder
from models.features import extract
from models.fitting import HeadSettings
from models.heads import Heads
from models.language import detect
from models.manifest import FORMAT, Manifest, hash_file, hash_folder
from models.provenance import PACK_LICENCE, Provenance
from models.taxonomy import LANGUAGES, Taxonomy
from models.teacher import TeacherCache
from models.threads import fix_threads
from models.validation import Validated

CARD_FILE = "CARD.md"
NOTES_FILE = "CARD_NOTES.md"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What to train from and where to."""

    pack: Path
    output: Path
    created: str  # date, ISO 8601
    heads: HeadSettings = field(default_factory=HeadSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a bundle learns from, and what its manifest and card say of that."""

    name: str
    pack: Pack
    sources: Mapping[str, Mapping[str, str | int]]  # source -> licence, rows, SHA-256
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """An encoder and what it was made of."""

    encoder: Encoder
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """All parts of a bundle, before they are written."""

    origin: Origin
    heads: Heads
    taxonomy: Taxonomy
    validated: Validated
    reference: Reference


def train(settings: TrainSettings, origin: Origin, report: Progress) -> Manifest:
    """Train and write a bundle; an older one in its place is replaced only when the new one is complete."""
    report("reading the pack")
    return train_on(read_material(settings.pack), settings, origin, report)[1]


def read_material(folder: Path) -> Material:
    """Give a pack's folder. Raises: PackError."""
    pack = dataset.read(folder)
    entry: Mapping[str, str | int] = {
        "licence": PACK_LICENCE,
        "rows": len(pack.utterances),
        "sha256": hash_pack(folder),
    }
    return Material(name=folder.name, pack=pack, sources={folder.name: entry}, notes=read_notes(folder))


def train_on(
    material: Material, settings: TrainSettings, origin: Origin, report: Progress
) -> tuple[Validated, Manifest]:
    """Train on messages that were read already; `settings.pack` is not looked at."""
    with fix_threads():
        return _train_on(material, settings, origin, report)


def _train_on(
    material: Material, settings: TrainSettings, origin: Origin, report: Progress
) -> tuple[Validated, Manifest]:
    pack, encoder = material.pack, origin.encoder
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    report("fitting on all authors but some, for the calibration and the scores")
    validated = validation.validate(pack, encoder, settings.heads)
    report("fitting on everything")
    trained = Trained(
        origin=origin,
        heads=fitting.fit(examples, encoder, settings.heads),
        taxonomy=pack.taxonomy,
        validated=validated,
        reference=describe_training(validated, encoder),
    )
    return validated, write(trained, settings, material)


def load_encoder(folder: Path) -> Origin:
    """Read an encoder that is there already."""
    return Origin(encoder=StaticEncoder(Table.load(folder)), provenance=provenance.read(folder))


def take_model(name: str) -> Origin:
    """Use a sentence-transformers model, by name or path, as it is. Raises: MissingExtraError."""
    source: Provenance = {name: {"licence": "see the model", "rows": 0, "sha256": ""}}
    return Origin(encoder=SentenceEncoder(name, remember=True), provenance=source)


def distill_encoder(data: Path, pack: Path, cache: Path, report: distill.Report) -> Origin:
    """Train an encoder from the teacher's vectors. Raises: InputError if they are not cached."""
    settings = DistillSettings()
    pairs = distill.collect(data, pack, settings)
    plain = [text for source in sources.CHINESE.values() for text in sources.read_texts(data, source)]
    with fix_threads():
        table = distill.distill(pairs, plain, TeacherCache(cache), settings, report)
    return Origin(encoder=StaticEncoder(table), provenance=provenance.describe(data, pack))


def write(trained: Trained, settings: TrainSettings, material: Material) -> Manifest:
    """Write all parts beside `settings.output`, then put them in its place."""
    fresh = settings.output.with_name(settings.output.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / ENCODER_FOLDER).mkdir(parents=True)
    trained.origin.encoder.save(fresh / ENCODER_FOLDER)
    provenance.write(fresh / ENCODER_FOLDER, trained.origin.provenance)
    trained.heads.save(fresh)
    trained.validated.calibration.save(fresh)
    trained.reference.save(fresh)
    manifest = _describe(trained, settings, fresh, material)
    (fresh / CARD_FILE).write_text(
        card.write(manifest, trained.validated, notes=material.notes), encoding="utf-8"
    )
    manifest = replace(manifest, files=hash_folder(fresh))
    manifest.save(fresh)
    shutil.rmtree(settings.output, ignore_errors=True)
    fresh.rename(settings.output)
    return manifest


def _describe(trained: Trained, settings: TrainSettings, folder: Path, material: Material) -> Manifest:
    files = hash_folder(folder)
    return Manifest(
        format=FORMAT,
        id=f"{material.name}-{_digest(files.values())[:12]}",
        created=settings.created,
        encoder={
            "kind": trained.origin.encoder.kind,
            "model": trained.origin.encoder.model,
            "dimension": trained.origin.encoder.dimension,
            "fingerprint": _digest(value for name, value in files.items() if name.startswith(ENCODER_FOLDER)),
        },
        intents=trained.taxonomy.intents,
        skills=trained.taxonomy.skills,
        thresholds={
            language: {
                "scope": round(float(trained.validated.calibration.scope_threshold[number]), 6),
                "anger": round(float(trained.validated.calibration.anger_threshold[number]), 6),
            }
            for number, language in enumerate(LANGUAGES)
        },
        data={**trained.origin.provenance, **material.sources},
        seed=settings.heads.seed,
        scores={name: (e.value, e.low, e.high) for name, e in trained.validated.figures.items()},
        files=files,
    )


def describe_training(validated: Validated, encoder: Encoder) -> Reference:
    """Give what messages are compared with later, to see whether they drift."""
    judged = validated.judged
    intents = judged.outcome.probability.shape[1]
    columns = discrepancy.Columns(
        embedding=encoder.encode(judged.examples.texts),
        confidence=judged.outcome.confidence.astype(np.float64),
        answer=np.where(judged.outcome.in_scope, judged.intent, intents),
        language=detect(extract(judged.examples.texts)).astype(
            np.int64
        ),  # as it will be read, not as labelled
        author=judged.examples.author,
    )
    return discrepancy.describe(columns, intents)


def read_notes(pack: Path) -> str:
    """Give what the pack's people have to say in the card; nothing if they have not."""
    path = pack / NOTES_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def hash_pack(folder: Path) -> str:
    """Give one SHA-256 over all files that a pack's models learn from."""
    names = ("taxonomy.yaml", "utterances/*.csv", "dialogues/*.jsonl")
    files = [file for name in names for file in sorted(folder.glob(name))]
    return _digest(hash_file(file) for file in files)


def _digest(hashes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
