"""What reads texts, as the engine needs it; `engine.ports` gives these with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Prediction(Protocol):
    """What a classifier says of `n` texts, as columns; `models.bundle.Prediction` has the shape."""

    @property
    def probability(self) -> npt.NDArray[np.float32]:
        """[n, k], calibrated, rows sum to 1."""
        ...

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """[n], the calibrated probability of the likeliest intent."""
        ...

    @property
    def in_scope(self) -> npt.NDArray[np.bool_]:
        """[n], False where "out_of_scope" is the answer."""
        ...

    @property
    def sentiment(self) -> npt.NDArray[np.float32]:
        """[n, 3] over SENTIMENTS, rows sum to 1."""
        ...

    @property
    def anger(self) -> npt.NDArray[np.float32]:
        """[n], calibrated probability."""
        ...

    @property
    def is_angry(self) -> npt.NDArray[np.bool_]:
        """[n], whether `anger` passes its threshold."""
        ...

    @property
    def language(self) -> npt.NDArray[np.uint8]:
        """[n], 0 for zh, 1 for en."""
        ...

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        """[n, d], rows of length 1, or 0 where nothing was known."""
        ...


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """[n, dimension], rows of length 1, or 0 where nothing was known."""
        ...


class Grams(Protocol):
    """Words and n-grams of `n` texts, ordered by text, each bucket once a text; `models.grams.Grams` has the shape."""

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """[n + 1], where each text's begin, and the end."""
        ...

    @property
    def buckets(self) -> npt.NDArray[np.uint16]:
        """[m], what stands for an n-gram; different ones may share a bucket."""
        ...

    @property
    def counts(self) -> npt.NDArray[np.float32]:
        """[m], how often it comes, above 0."""
        ...


class GramCounter(Protocol):
    """Takes texts apart."""

    def grams(self, texts: Sequence[str]) -> Grams:
        """Words and n-grams of each text."""
        ...


class Predictor(Protocol):
    """Reads texts; one is read the same alone or in any batch."""

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Read a batch of texts."""
        ...


class Classifier(Encoder, GramCounter, Predictor, Protocol):
    """A bundle at work. A text is read the same alone or in any batch."""

    @property
    def id(self) -> str:
        """Names the bundle for ever."""
        ...

    @property
    def intents(self) -> tuple[str, ...]:
        """The `k` intents, without "out_of_scope"."""
        ...

    @property
    def skills(self) -> Mapping[str, str]:
        """Intent to skill, "out_of_scope" included."""
        ...


class ReplyIndex(Protocol):
    """Vectors that can be searched; immutable, so safe to search while the next one is built."""

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """[rows, d], as they were given; not to be written."""
        ...

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Inner products and row numbers of the best `k` among the rows `allowed` (all if None), best first.

        Both [n, min(k, rows)]; where fewer are found, the rest is -inf and row -1.
        """
        ...
