"""Score every message by heads that never saw its author."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from models import fusion
from models.calibration import Calibrator, Outcome
from models.dataset import Examples
from models.heads import Columns, Scores

FOLDS: Final = 5

Int64Array = npt.NDArray[np.int64]
Scorer = Callable[[Int64Array, Int64Array], Scores]  # rows to train on, rows to score
T = TypeVar("T", Scores, Outcome)


def split(authors: npt.NDArray[np.str_], *, folds: int = FOLDS) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Yield (training rows, test rows); an author's messages all stand on one side.

    Authors are dealt out in order of name, so a fold does not hang on a seed.
    """
    names, numbers = np.unique(authors, return_inverse=True)
    if names.size == 1:
        raise ValueError("cross-validation by author needs messages of two authors at least")
    fold = numbers % min(folds, names.size)
    for chosen in range(min(folds, names.size)):
        yield np.flatnonzero(fold != chosen), np.flatnonzero(fold == chosen)


def score_out_of_fold(examples: Examples, scorer: Scorer, *, folds: int = FOLDS) -> Scores:
    """Give the scores of all n examples, each from the fold that left its author out."""
    parts = [(test, scorer(train, test)) for train, test in split(examples.author, folds=folds)]
    return _merge(Scores, parts)


def calibrate_out_of_fold(
    scores: Scores, examples: Examples, usable: Int64Array, columns: Columns, *, folds: int = FOLDS
) -> Outcome:
    """Give the answers of all n examples, each by a calibration that never saw its author.

    Calibrations are fitted on `usable` rows alone.
    """
    parts = []
    for train, test in split(examples.author, folds=folds):
        rows = np.intersect1d(train, usable)
        fitted = fusion.fit(fusion.take(scores, rows), examples.take(rows), columns)
        calibrator = Calibrator(fitted, columns)
        parts.append((test, calibrator.apply(fusion.take(scores, test), examples.language[test])))
    return _merge(Outcome, parts)


def _merge(kind: type[T], parts: list[tuple[Int64Array, T]]) -> T:
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    names = [field.name for field in fields(kind)]
    return kind(**{name: np.concatenate([getattr(part, name) for _, part in parts])[order] for name in names})
