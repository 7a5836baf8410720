"""Sparse features: every n-gram's hash cut to a bucket, weighted by how rare the bucket is."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.features import Features

BITS: Final = 15


def buckets(features: Features, *, bits: int = BITS) -> npt.NDArray[np.int32]:
    """Give int32 [m] in [0, 2**bits): the bucket of each feature."""
    return (features.hashes >> np.uint64(64 - bits)).astype(np.int32)


def fit_rarity(features: Features, *, bits: int = BITS) -> npt.NDArray[np.float32]:
    """Give float32 [2**bits]: the smoothed inverse document frequency of each bucket."""
    seen = np.unique(features.rows * (1 << bits) + buckets(features, bits=bits))
    frequency = np.bincount(seen & ((1 << bits) - 1), minlength=1 << bits)
    return (np.log((1 + features.n) / (1 + frequency)) + 1).astype(np.float32)


def weigh(features: Features, rarity: npt.NDArray[np.float32]) -> sp.csr_matrix:
    """Give float32 csr [n, 2**bits]; the occurrences of a text have squares that sum to 1.

    A bucket met twice in a text has two entries; products add them up.
    """
    bits = rarity.size.bit_length() - 1
    column = buckets(features, bits=bits)
    weight = rarity[column]
    square = np.bincount(features.rows, weight * weight, minlength=features.n)
    length = np.sqrt(np.maximum(square, 1e-12)).astype(np.float32)
    weight = weight / length[features.rows]
    return sp.csr_matrix((weight, column, features.offsets()), shape=(features.n, rarity.size))
