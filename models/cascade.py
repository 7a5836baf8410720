"""Let a slower bundle read again what a faster one is not sure of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeSettings:
    """What is read again."""

    below: float = 0.6  # confidence
    share: float = 0.1  # of a batch at most, so that the cost stays bounded


class Cascade:
    """Two bundles with the same labels; has `predict` as a bundle has, the fast one's embeddings included."""

    def __init__(self, *, fast: Bundle, slow: Bundle, settings: CascadeSettings) -> None:
        """Raises: ValueError if the labels differ."""
        if fast.intents != slow.intents:
            raise ValueError("the two bundles of a cascade must have the same intents in the same order")
        self._fast = fast
        self._slow = slow
        self._settings = settings

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Answer all texts with the fast bundle, the least certain of them with the slow one."""
        first = self._fast.predict(texts)
        again = choose(first.confidence, self._settings)
        if not again.size:
            return first
        return _replace(first, again, self._slow.predict([texts[row] for row in again]))


def choose(confidence: npt.NDArray[np.float32], settings: CascadeSettings) -> npt.NDArray[np.int64]:
    """Give the rows to read again, the least certain first; one at least of a batch that has one."""
    doubtful = np.flatnonzero(confidence < settings.below)
    most = max(1, int(settings.share * confidence.size))
    return doubtful[np.argsort(confidence[doubtful], kind="stable")][:most]


def _replace(first: Prediction, rows: npt.NDArray[np.int64], second: Prediction) -> Prediction:
    columns = {field.name: getattr(first, field.name).copy() for field in fields(Prediction)}
    for name in columns.keys() - {"embedding"}:
        columns[name][rows] = getattr(second, name)
    return Prediction(**columns)
