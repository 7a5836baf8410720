"""Weighted sums of table rows, one sum a text: the inner loop of encoder and heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Float32Array = npt.NDArray[np.float32]

FEW: Final = 4  # texts; below it plain products beat building a sparse matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Bags:
    """For each of n texts, which rows of a table it takes and how much of each."""

    places: npt.NDArray[np.integer]  # [m] rows of the table
    weights: Float32Array  # [m]
    offsets: npt.NDArray[np.int64]  # [n + 1] where each text's entries begin, and the end

    def sum_rows(self, table: Float32Array) -> Float32Array:
        """Give float32 [n, d] from float32 [v, d]; a text without entries gets zeros."""
        if self.offsets.size <= FEW + 1:
            spans = zip(self.offsets[:-1], self.offsets[1:], strict=True)
            sums = [self.weights[first:last] @ table[self.places[first:last]] for first, last in spans]
            return np.array(sums, np.float32).reshape(-1, table.shape[1])
        found: Float32Array = self.matrix(table.shape[0]) @ table
        return found

    def matrix(self, size: int) -> sp.csr_matrix:
        """Give float32 csr [n, size]."""
        shape = (self.offsets.size - 1, size)
        return sp.csr_matrix((self.weights, self.places, self.offsets), shape=shape)


def find_offsets(rows: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Give int64 [count + 1] from the ascending text numbers of all entries."""
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    return offsets
