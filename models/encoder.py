"""The static encoder: a table of n-gram vectors; a text is the normalised sum of its rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models.features import Features, extract
from models.gather import Bags, unpack
from models.keys import KeyIndex
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]

TABLE_FILE: Final = "table.safetensors"
MODULES_FILE: Final = "modules.json"
_MODULES: Final = [{"idx": 0, "name": "0", "path": "", "type": "models.sentence_module.NgramEmbedding"}]


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
        """Write the table into `folder`, and what sentence-transformers needs to load it too."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "keys": self.keys,
            "vectors": self.vectors,
            "scales": self.scales,
        }
        write_arrays(folder / TABLE_FILE, arrays)
        (folder / MODULES_FILE).write_text(json.dumps(_MODULES, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the table's file from `folder`."""
        return cls(**load_file(folder / TABLE_FILE))

    @classmethod
    def quantize(cls, keys: npt.NDArray[np.uint64], vectors: Float32Array) -> Self:
        """Round each row of float32 [v, d] to 8 bits of its own scale."""
        small, scales = quantize(vectors)
        return cls(keys=keys, vectors=small, scales=scales)


class StaticEncoder:
    """Turns texts into vectors by a table of n-grams; numpy and scipy only."""

    kind = "static"
    model = ""

    def __init__(self, table: Table) -> None:
        self._keys = table.keys
        self._index = KeyIndex(table.keys)
        self._vectors = unpack(table.vectors, table.scales)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d], each row of length 1, or 0 for a text without a known n-gram."""
        return self.encode_features(extract(texts))

    def embed(self, texts: Sequence[str], features: Features) -> Float32Array:
        """Give float32 [n, d]; the features are all it needs."""
        return self.encode_features(features)

    def save(self, folder: Path) -> None:
        """Write the table into `folder`: rows that `quantize` made, as trained ones are, round to the same again."""
        Table.quantize(self._keys, self._vectors[:-1]).save(folder)

    def encode_features(self, features: Features) -> Float32Array:
        """Give float32 [n, d] as `encode` does, from features already extracted."""
        return normalize(self.bags(features).sum_rows(self._vectors))

    def bags(self, features: Features) -> Bags:
        """Give the table's rows that each text takes, each occurrence once."""
        part = features.encodable
        place = self._index.find(features.hashes[part])
        ones = np.ones(place.size, np.float32)
        return Bags(n=features.n, places=place, weights=ones, rows=features.rows[part])


def normalize(vectors: Float32Array) -> Float32Array:
    """Scale the rows of float32 [n, d] to length 1; rows of zeros stay."""
    if len(vectors) == 1:  # two calls instead of four
        alone: Float32Array = vectors / np.float32(max(math.sqrt(float(vectors[0].dot(vectors[0]))), 1e-9))
        return alone
    length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    scaled: Float32Array = vectors / np.maximum(length, np.float32(1e-9))
    return scaled


def quantize(rows: Float32Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Give int8 [v, d] and one float16 scale a row, whose product is nearly float32 [v, d] `rows`."""
    scales = np.maximum(np.abs(rows).max(axis=1) / 127, 1e-7).astype(np.float16)
    whole = np.round(rows / scales.astype(np.float32)[:, None]).clip(-127, 127)
    return whole.astype(np.int8), scales
