"""Sparse features: every n-gram's hash cut to a bucket; buckets seen often enough become inputs of the heads."""

from __future__ import annotations

import math
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from models.features import LAYOUT, Features, Kind
from models.gather import Bags

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]

BITS: Final = 18
SEEN: Final = 3  # texts; what fewer hold says more about an author than about an intent
_DROP: Final = np.uint64(64 - BITS)
_LEAST: Final = 1e-12  # of a sum of squares, so that nothing is divided by 0


_WEIGHTS: Final = {
    Kind.CJK_3: 0.7,
    Kind.CHARGRAM: 0.6,
    Kind.EDGE: 0.7,
}  # else 1; by cross-validation over authors
PART_WEIGHTS: Final = np.array([_WEIGHTS.get(Kind(kind), 1.0) for kind in LAYOUT[1:]], np.float32)


class BucketIndex:
    """The inputs of the sparse heads: which buckets there are, and how rare each is."""

    def __init__(self, *, buckets: npt.NDArray[np.uint32], rarity: Float32Array) -> None:
        self.buckets = buckets  # [a], ascending
        self.rarity = rarity  # [a]
        self._padded = np.append(rarity, np.float32(0))  # what is in no bucket counts nothing
        self._place = np.full(1 << BITS, buckets.size, np.int32)
        self._place[buckets] = np.arange(buckets.size, dtype=np.int32)

    @classmethod
    def fit(cls, features: Features, *, seen: int = SEEN) -> Self:
        """Take the buckets that at least `seen` texts hold; rarity is the inverse document frequency."""
        rows, buckets = features.rows[features.sparse], _find_buckets(features.hashes[features.sparse])
        held = rows * np.int64(1 << BITS) + buckets
        held.sort()  # np.unique gives the same in sixty times the time
        held = held[np.r_[True, held[1:] != held[:-1]]]
        frequency = np.bincount(held & ((1 << BITS) - 1), minlength=1 << BITS)
        buckets = np.flatnonzero(frequency >= seen)
        rarity = np.log((1 + features.n) / (1 + frequency[buckets])) + 1
        return cls(buckets=buckets.astype(np.uint32), rarity=rarity.astype(np.float32))

    def weigh(self, features: Features) -> Bags:
        """Give the buckets of each text; the weights of a text have squares that sum to 1.

        A bucket met twice in a text has two entries; products add them up. No place is out of range, so none is
        looked for: that takes several times as long as taking.
        """
        part = features.sparse
        rows = features.rows[part]
        place = self._place.take(_find_buckets(features.hashes[part]), mode="clip")
        weight = self._padded.take(place, mode="clip")
        weight *= PART_WEIGHTS.repeat(features.counts[1:])
        if features.n == 1:
            weight *= np.float32(1 / math.sqrt(max(float(weight.dot(weight)), _LEAST)))
            return Bags(n=1, places=place, weights=weight, rows=rows)
        square = np.bincount(rows, weight * weight, minlength=features.n)
        scale = (1 / np.sqrt(np.maximum(square, _LEAST))).astype(np.float32)
        weight *= scale.take(rows, mode="clip")
        return Bags(n=features.n, places=place, weights=weight, rows=rows)


def _find_buckets(hashes: npt.NDArray[np.uint64]) -> Int64Array:
    """Give int64 [m] in [0, 2**BITS)."""
    return (hashes >> _DROP).view(np.int64)
