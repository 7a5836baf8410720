"""Sparse features: every n-gram's hash cut to a bucket; buckets seen often enough become inputs of the heads."""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt

from models.features import Features, Kind
from models.gather import Bags, find_offsets

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]

BITS: Final = 18
SEEN: Final = 3  # texts; what fewer hold says more about an author than about an intent
_DROP: Final = np.uint64(64 - BITS)


def _list_weights() -> Float32Array:
    """Give float32 [kinds]: how much each kind counts, chosen by cross-validation over authors."""
    weights = np.ones(max(Kind) + 1, np.float32)
    weights[Kind.CJK_3] = 0.7
    weights[Kind.CJK_4] = 0.0  # only encoders know them
    weights[Kind.CHARGRAM] = 0.6
    weights[Kind.EDGE] = 0.7
    return weights


KIND_WEIGHTS: Final = _list_weights()


class BucketIndex:
    """The inputs of the sparse heads: which buckets there are, and how rare each is."""

    def __init__(self, *, buckets: npt.NDArray[np.uint32], rarity: Float32Array) -> None:
        self.buckets = buckets  # [a], ascending
        self.rarity = rarity  # [a]
        self._place = np.full(1 << BITS, -1, np.int32)
        self._place[buckets] = np.arange(buckets.size, dtype=np.int32)

    @classmethod
    def fit(cls, features: Features, *, seen: int = SEEN) -> Self:
        """Take the buckets that at least `seen` texts hold; rarity is the inverse document frequency."""
        kept = KIND_WEIGHTS[features.kinds] > 0
        held = np.unique(features.rows[kept] * (1 << BITS) + _find_buckets(features)[kept])
        frequency = np.bincount(held & ((1 << BITS) - 1), minlength=1 << BITS)
        buckets = np.flatnonzero(frequency >= seen)
        rarity = np.log((1 + features.n) / (1 + frequency[buckets])) + 1
        return cls(buckets=buckets.astype(np.uint32), rarity=rarity.astype(np.float32))

    def weigh(self, features: Features) -> Bags:
        """Give the buckets of each text; the weights of a text have squares that sum to 1.

        A bucket met twice in a text has two entries; products add them up.
        """
        place = self._place[_find_buckets(features)]
        known = np.flatnonzero(place >= 0)
        place, rows = place[known], features.rows[known]
        weight = self.rarity[place] * KIND_WEIGHTS[features.kinds[known]]
        square = np.bincount(rows, weight * weight, minlength=features.n)
        scale = (1 / np.sqrt(np.maximum(square, 1e-12))).astype(np.float32)
        return Bags(places=place, weights=weight * scale[rows], offsets=find_offsets(rows, features.n))


def _find_buckets(features: Features) -> Int64Array:
    """Give int64 [m] in [0, 2**BITS)."""
    return (features.hashes >> _DROP).astype(np.int64)
