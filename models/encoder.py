"""The static encoder: a table of n-gram vectors; a text is the normalised sum of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors.numpy import load_file

from models.features import Features, Kind, extract
from models.keys import KeyIndex
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]

TABLE_FILE: Final = "table.safetensors"
LAST_KIND: Final = Kind.MARK  # later kinds have no row of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An encoder's learned part: one int8 vector and one scale a key."""

    keys: npt.NDArray[np.uint64]  # [v], strictly ascending
    vectors: npt.NDArray[np.int8]  # [v, d]
    scales: npt.NDArray[np.float16]  # [v]

    def dense(self) -> Float32Array:
        """Give float32 [v, d]."""
        return self.vectors * self.scales.astype(np.float32)[:, None]

    def save(self, folder: Path) -> None:
        """Write the table's file into `folder`."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "keys": self.keys,
            "vectors": self.vectors,
            "scales": self.scales,
        }
        write_arrays(folder / TABLE_FILE, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the table's file from `folder`."""
        return cls(**load_file(folder / TABLE_FILE))

    @classmethod
    def quantize(cls, keys: npt.NDArray[np.uint64], vectors: Float32Array) -> Self:
        """Round each row of float32 [v, d] to 8 bits of its own scale."""
        scales = np.maximum(np.abs(vectors).max(axis=1) / 127, 1e-7).astype(np.float16)
        whole = np.round(vectors / scales.astype(np.float32)[:, None]).clip(-127, 127)
        return cls(keys=keys, vectors=whole.astype(np.int8), scales=scales)


class StaticEncoder:
    """Turns texts into vectors by a table of n-grams; numpy and scipy only."""

    def __init__(self, table: Table) -> None:
        self._index = KeyIndex(table.keys)
        self._vectors = table.dense()

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d], each row of length 1, or 0 for a text without a known n-gram."""
        return self.encode_features(extract(texts))

    def encode_features(self, features: Features) -> Float32Array:
        """Give float32 [n, d] as `encode` does, from features already extracted."""
        summed: Float32Array = self.counts(features) @ self._vectors
        return normalize(summed)

    def counts(self, features: Features) -> sp.csr_matrix:
        """Give float32 csr [n, v]: how often each text holds each n-gram of the table."""
        taken = features.kinds <= LAST_KIND
        place, known = self._index.find(features.hashes[taken])
        rows = features.rows[taken][known]
        offsets = np.searchsorted(rows, np.arange(features.n + 1))
        ones = np.ones(rows.size, np.float32)
        return sp.csr_matrix((ones, place[known], offsets), shape=(features.n, self._vectors.shape[0]))


def normalize(vectors: Float32Array) -> Float32Array:
    """Scale the rows of float32 [n, d] to length 1; rows of zeros stay."""
    length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    scaled: Float32Array = vectors / np.maximum(length, np.float32(1e-9))
    return scaled
