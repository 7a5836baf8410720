"""The linear heads: one column of scores a label, from the embedding and from the hashed n-grams."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models import hashing
from models.features import Features
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]

HEADS_FILE: Final = "heads.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each task's scores stand among the c = k + 5 columns of the heads."""

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
    def count(self) -> int:
        """How many columns there are."""
        return self.intents + 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What the heads say of n texts, before calibration."""

    dense: Float32Array  # [n, c] from the embedding: logits
    hashed: Float32Array  # [n, c] from the hashed n-grams: margins
    nearness: Float32Array  # [n] cosine to the nearest prototype of an intent, in [-1, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The learned weights; 2**b buckets, d dimensions, c columns, p prototypes."""

    rarity: Float32Array  # [2**b]
    hashed: Float32Array  # [2**b, c]
    hashed_bias: Float32Array  # [c]
    dense: Float32Array  # [d, c]
    dense_bias: Float32Array  # [c]
    prototypes: Float32Array  # [p, d] of length 1

    def score(self, features: Features, embedding: Float32Array) -> Scores:
        """Score n texts by their features and float32 [n, d] embedding."""
        return Scores(
            dense=embedding @ self.dense + self.dense_bias,
            hashed=hashing.weigh(features, self.rarity) @ self.hashed + self.hashed_bias,
            nearness=(embedding @ self.prototypes.T).max(axis=1),
        )

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, the large ones as float16."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        write_arrays(folder / HEADS_FILE, {name: array.astype(np.float16) for name, array in arrays.items()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights from `folder`."""
        arrays = load_file(folder / HEADS_FILE)
        return cls(**{name: array.astype(np.float32) for name, array in arrays.items()})
