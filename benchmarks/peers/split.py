"""Who learns from what: the texts of some authors are kept from everybody, and everybody is tried on them."""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.texts import PACK, Utterance
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from models.bundle import ENCODER_FOLDER
from models.encoder import TABLE_FILE

ENCODER = SHIPPED_BUNDLE / ENCODER_FOLDER  # of who brings none
HELD_OUT = 5  # of so many authors, in order of name, the first is kept from everybody
FRAME = 256  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text that nobody learned from, and what it is about: one intent or two."""

    text: str
    language: str
    intents: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Files to learn from, and rows to be tried on. `fingerprint` is equal for equal rows and encoders."""

    pack: Path  # a pack folder without the authors held out
    rows: Path  # the same messages as one CSV file
    held_out: tuple[Row, ...]
    fingerprint: str

    def utterances(self) -> list[Utterance]:
        """What was held out, to make unseen texts of."""
        return [Utterance(row.text, row.language) for row in self.held_out]


def make(folder: Path, pack: Path = PACK) -> Split:
    """Write the files to learn from into `folder`. Raises: BenchmarkError."""
    files = sorted((pack / "utterances").glob("*.csv"))
    if len(files) < HELD_OUT:
        raise BenchmarkError(f"{pack}/utterances has fewer than {HELD_OUT} authors: run this from a checkout")
    held = files[::HELD_OUT]
    learned = [path for path in files if path not in held]
    target = folder / "pack"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pack, target)
    for path in held:
        (target / "utterances" / path.name).unlink()
        (target / "dialogues" / f"{path.stem}.jsonl").unlink(missing_ok=True)
    rows = folder / "learn.csv"
    _write(rows, [row for path in learned for row in _read(path)])
    return Split(
        pack=target,
        rows=rows,
        held_out=tuple(_row(row) for path in held for row in _read(path)),
        fingerprint=hashlib.sha256(rows.read_bytes() + (ENCODER / TABLE_FILE).read_bytes()).hexdigest()[:12],
    )


def sample(rows: Sequence[Row], count: int) -> list[Row]:
    """At most so many, the same ones for everybody."""
    return random.Random("rows").sample(rows, min(count, len(rows)))


def score(rows: Sequence[Row], intents: Sequence[str]) -> dict[str, float]:
    """The share of right answers by language, and of all; of two intents either is right."""
    right = [intent in row.intents for row, intent in zip(rows, intents, strict=True)]
    languages = sorted({row.language for row in rows})
    chosen = {
        name: [one for one, row in zip(right, rows, strict=True) if row.language == name]
        for name in languages
    }
    return {"rows": len(rows), "all": sum(right) / len(right)} | {
        name: sum(some) / len(some) for name, some in chosen.items()
    }


def _row(row: dict[str, str]) -> Row:
    return Row(text=row["text"], language=row["lang"], intents=frozenset(row["intent"].split("|")))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "intent"], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
