"""Which rows fit what an agent typed, and how well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]
Allowed = npt.NDArray[np.bool_]
_INTENT_BITS = 16
TYPED_WEIGHT = np.float32(1.3)  # what a typed title is worth beside a cosine of 1


@dataclass(frozen=True)
class Fits:
    """The rows that fit, ascending, and how well, in (0, 1]; not to be written.

    `intents` is the column of each row's intent, one past the last for any.
    """

    rows: Rows
    scores: Scores
    intents: npt.NDArray[np.int16]

    def of(self, rows: npt.NDArray[np.int64]) -> Scores:
        """[rows], 0 where one does not fit."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=np.float32)
        places = self.rows.searchsorted(rows)
        np.minimum(places, len(self.rows) - 1, out=places)
        return np.where(self.rows.take(places) == rows, self.scores.take(places), np.float32(0))

    def best(self, intents: Scores, most: int, allowed: Allowed | None) -> list[int]:
        """At least `most` of the allowed rows where there are as many: what promises most by fit and intent.

        `intents` [intents] is how likely each is.
        """
        if len(self.rows) <= most:
            return _among(self.rows, allowed)
        found: list[int] = []
        for group in self._groups.by_promise(intents):
            found += _among(self._groups.rows[group], allowed, most - len(found))
            if len(found) >= most:
                break
        return found

    @cached_property
    def _groups(self) -> _Groups:
        return _Groups(self)


class _Groups:
    """Rows of the same intent that fit equally well: there are few groups, however many rows fit."""

    def __init__(self, fits: Fits) -> None:
        # Read as numbers, positive floats are in the same order.
        keys = fits.scores.view(np.int32).astype(np.int64) << _INTENT_BITS | fits.intents
        order = keys.argsort(kind="stable")
        self.rows, keys = fits.rows.take(order), keys.take(order)
        starts = np.concatenate(([0], (keys[1:] != keys[:-1]).nonzero()[0] + 1))
        self._ends = [*starts.tolist(), len(order)]
        first = order.take(starts)
        self._fits = TYPED_WEIGHT * fits.scores.take(first)
        self._intents = fits.intents.take(first)

    def by_promise(self, intents: Scores) -> Iterator[slice]:
        """Places of each group in `rows`, the most promising first."""
        likely = np.append(intents, np.float32(0)).take(self._intents)
        for group in np.argsort(-(self._fits + likely), kind="stable").tolist():
            yield slice(self._ends[group], self._ends[group + 1])


def _among(rows: Rows, allowed: Allowed | None, most: int | None = None) -> list[int]:
    kept = rows if allowed is None else rows[allowed[rows]]
    found: list[int] = kept[:most].tolist()
    return found


NOTHING = Fits(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int16))
