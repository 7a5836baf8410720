"""Read the public sets as they lie in the folder of shared data."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from models.errors import InputError

Int64Array = npt.NDArray[np.int64]

SETS: Final = ("banking77", "hwu64", "multidogo", "crosswoz", "xsid_zh", "bitext_cs")
CHINESE: Final = frozenset({"crosswoz", "xsid_zh"})
EMOTIONS: Final = "goemotions"
ANGRY: Final = frozenset({"anger", "annoyance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Texts and the number of each one's class."""

    texts: tuple[str, ...]
    y: Int64Array  # [n]

    def take(self, places: Int64Array) -> Rows:
        """Give the chosen rows."""
        return Rows(texts=tuple(self.texts[place] for place in places), y=self.y[places])


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Training and test rows of one set."""

    train: Rows
    test: Rows


def read(folder: Path, name: str) -> Split:
    """Read a set; test rows of classes that training lacks are left out. Raises: InputError."""
    train, test = (_read_file(folder / name / f"{part}.csv.gz") for part in ("train", "test"))
    numbers = {label: number for number, label in enumerate(sorted({label for _, label in train}))}
    return Split(train=_number(train, numbers), test=_number(test, numbers))


def read_anger(folder: Path) -> Split:
    """Read GoEmotions; class 1 is anger or annoyance, among whatever else. Raises: InputError."""
    parts = (_read_file(folder / EMOTIONS / f"{part}.csv.gz") for part in ("train", "test"))
    train, test = (
        [(text, str(bool(ANGRY & set(label.split("|"))))) for text, label in part] for part in parts
    )
    numbers = {"False": 0, "True": 1}
    return Split(train=_number(train, numbers), test=_number(test, numbers))


def draw_shots(rows: Rows, shots: int, *, seed: int) -> Rows:
    """Give at most `shots` rows of each class, drawn with `seed`; all rows for 0."""
    if not shots:
        return rows
    order = np.random.default_rng(seed).permutation(rows.y.size)
    chosen = [order[rows.y[order] == number][:shots] for number in np.unique(rows.y)]
    return rows.take(np.concatenate(chosen))


def _read_file(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder of the public data with --data")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return [(row["text"], row["label"]) for row in csv.DictReader(lines)]


def _number(rows: Sequence[tuple[str, str]], numbers: Mapping[str, int]) -> Rows:
    known = [(text, numbers[label]) for text, label in rows if label in numbers]
    return Rows(texts=tuple(text for text, _ in known), y=np.array([y for _, y in known], np.int64))
