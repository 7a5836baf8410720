"""The linear heads: one column of scores a label, from the embedding and from the hashed n-grams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models.encoder import quantize
from models.features import Features
from models.gather import unpack
from models.hashing import BucketIndex
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]

HEADS_FILE: Final = "heads.safetensors"
_HALF: Final = ("hashed_bias", "dense", "dense_bias", "prototypes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each task's scores stand among the c = k + 6 columns of the heads."""

    intents: int

    @property
    def intent(self) -> slice:
        """The k intents."""
        return slice(0, self.intents)

    @property
    def scope(self) -> int:
        """In scope (positive) or not."""
        return self.intents

    @property
    def sentiment(self) -> slice:
        """Negative, neutral, positive."""
        return slice(self.intents + 1, self.intents + 4)

    @property
    def anger(self) -> int:
        """Angry (positive) or not."""
        return self.intents + 4

    @property
    def multiple(self) -> int:
        """Two intents (positive) or one."""
        return self.intents + 5

    @property
    def count(self) -> int:
        """How many columns there are."""
        return self.intents + 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What the heads say of n texts, before calibration."""

    dense: Float32Array  # [n, c] from the embedding: logits
    hashed: Float32Array  # [n, c] from the hashed n-grams: margins
    nearness: Float32Array  # [n] cosine to the nearest prototype of an intent, in [-1, 1]
    length: Float32Array  # [n] octaves of characters; a word counts as three


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The learned weights; a buckets, d dimensions, c columns, p prototypes."""

    index: BucketIndex
    hashed: (
        Float32Array  # [a + 1, c or more]; zeros: columns after c, and the last row, for n-grams in no bucket
    )
    hashed_bias: Float32Array  # [c]
    dense: Float32Array  # [d, c]
    dense_bias: Float32Array  # [c]
    prototypes: Float32Array  # [p, d] of length 1

    def score(self, features: Features, embedding: Float32Array) -> Scores:
        """Score n texts by their features and float32 [n, d] embedding."""
        return Scores(
            dense=embedding @ self.dense + self.dense_bias,
            hashed=self.index.weigh(features).sum_rows(self.hashed)[:, : self.hashed_bias.size]
            + self.hashed_bias,
            nearness=np.maximum.reduce(embedding @ self.prototypes.T, axis=1),
            length=_measure(features),
        )

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`: 8 bits and a scale a bucket, 16 bits for the rest."""
        small, scales = quantize(self.hashed[:-1, : self.hashed_bias.size])
        half = {name: getattr(self, name).astype(np.float16) for name in _HALF}
        arrays: dict[str, npt.NDArray[Any]] = {
            "buckets": self.index.buckets,
            "rarity": self.index.rarity,
            "hashed": small,
            "scales": scales,
        }
        write_arrays(folder / HEADS_FILE, {**arrays, **half})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights from `folder`."""
        arrays = load_file(folder / HEADS_FILE)
        index = BucketIndex(buckets=arrays["buckets"], rarity=arrays["rarity"])
        return cls(
            index=index,
            hashed=unpack(arrays["hashed"], arrays["scales"], whole_lines=True),
            **{name: arrays[name].astype(np.float32) for name in _HALF},
        )


def _measure(features: Features) -> Float32Array:
    """Give float32 [n], the octaves of characters; a word counts as three."""
    if features.n == 1:
        alone = 1 + int(features.cjk[0]) + 3 * int(features.letters[0])
        return np.array((math.log2(alone),), np.float32)
    lengths: Float32Array = np.log2(1 + features.cjk + 3 * features.letters).astype(np.float32)
    return lengths
