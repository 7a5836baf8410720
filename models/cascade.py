"""Let a slower bundle read again what a faster one is not sure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models import bundle
from models.bundle import Bundle, Prediction
from models.discrepancy import REFERENCE_FILE, Reference
from models.errors import BundleError
from models.grams import Grams
from models.taxonomy import LANGUAGES

Float32Array = npt.NDArray[np.float32]


class Cascade:
    """Two bundles with the same labels, with a bundle's shape: the fast one's name, vectors and first reading."""

    def __init__(self, *, fast: Bundle, slow: Bundle, bounds: Float32Array) -> None:
        """Read again what has a confidence below its language's of `bounds`, [l]. Raises: BundleError."""
        if fast.intents != slow.intents:
            raise BundleError(
                f"bundle {slow.id} cannot read again for {fast.id}: their intents differ; train both on one pack"
            )
        self.id: str = fast.id
        self.intents: tuple[str, ...] = fast.intents
        self.skills: Mapping[str, str] = fast.skills
        self.dimension: int = fast.dimension
        self._fast = fast
        self._slow = slow
        self._bounds = bounds

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give the fast bundle's vectors."""
        return self._fast.encode(texts)

    def grams(self, texts: Sequence[str]) -> Grams:
        """Give the words and n-grams of each text."""
        return self._fast.grams(texts)

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Answer all texts with the fast bundle, the least certain of them with the slow one; each by itself."""
        first = self._fast.predict(texts)
        again = np.flatnonzero(first.confidence < self._bounds[first.language])
        if not again.size:
            return first
        return _replace(first, again, self._slow.predict([texts[row] for row in again.tolist()]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """A slower bundle, and what it reads again."""

    bundle: Bundle
    share: float  # of messages like those of the faster bundle's training, in [0, 0.9]
    languages: Sequence[str]

    def beside(self, fast: Bundle, folder: Path) -> Cascade:
        """Give the cascade of both; `folder` is the fast bundle's. Raises: BundleError."""
        reference = Reference.load(folder)
        if reference is None:
            raise BundleError(
                f"{folder}: {REFERENCE_FILE} is missing, which says what it is least certain of; train it again"
            )
        bounds = find_bounds(reference, share=self.share, languages=self.languages)
        return Cascade(fast=fast, slow=self.bundle, bounds=bounds)


def load_second(folder: Path, *, share: float, languages: Sequence[str]) -> Second:
    """Read a bundle to read again with. Raises: BundleError, MissingExtraError."""
    return Second(bundle=bundle.load(folder), share=share, languages=languages)


def find_bounds(reference: Reference, *, share: float, languages: Sequence[str]) -> Float32Array:
    """Give float32 [l]: the confidence below which a share of the training's messages was; 0 for other languages."""
    tenths = np.arange(reference.confidence_edges.shape[1] + 1) / 10
    bounds = [
        float(np.interp(share, tenths, [0.0, *edges])) if name in languages else 0.0
        for name, edges in zip(LANGUAGES, reference.confidence_edges, strict=True)
    ]
    return np.array(bounds, np.float32)


def _replace(first: Prediction, rows: npt.NDArray[np.int64], second: Prediction) -> Prediction:
    columns = {field.name: getattr(first, field.name).copy() for field in fields(Prediction)}
    for name in columns.keys() - {"embedding", "language"}:
        columns[name][rows] = getattr(second, name)
    return Prediction(**columns)
