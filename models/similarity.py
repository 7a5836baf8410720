"""Find near copies among messages: the same n-grams, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.features import extract
from models.hashing import BucketIndex

NEAR: Final = 0.95  # cosine of the weighted n-grams from which two messages are near copies
SHORT: Final = 12  # characters, a word counting as three; people do write the same short messages
BLOCK: Final = 2048  # rows compared at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Two messages that are nearly the same."""

    first: int
    second: int
    similarity: float


def find_copies(texts: Sequence[str], *, near: float = NEAR) -> list[Copy]:
    """Give every pair of `texts` with at least this cosine, each pair once."""
    features = extract(texts)
    index = BucketIndex.fit(features, seen=1)
    matrix = index.weigh(features).matrix(index.buckets.size)
    matrix.sum_duplicates()
    matrix = _normalize(matrix)
    return [copy for start in range(0, len(texts), BLOCK) for copy in _find_block(matrix, start, near)]


def _normalize(matrix: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(length, 1e-9)) @ matrix


def _find_block(matrix: sp.csr_matrix, start: int, near: float) -> list[Copy]:
    similar = (matrix[start : start + BLOCK] @ matrix.T).tocoo()
    rows: npt.NDArray[np.int64] = similar.row + start
    kept = (similar.data >= near) & (rows < similar.col)
    triples = zip(rows[kept].tolist(), similar.col[kept].tolist(), similar.data[kept].tolist(), strict=True)
    return [Copy(first=first, second=second, similarity=similarity) for first, second, similarity in triples]
