"""Weighted sums of table rows, one sum a text: the inner loop of encoder and heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bags:
    """For each of n texts, which rows of a table it takes and how much of each.

    The row after a table's last stands for what the table does not know: zeros.
    """

    n: int
    places: Int32Array  # [m] rows of the table
    weights: Float32Array  # [m]
    rows: Int32Array  # [m] which text takes each, in any order

    def sum_rows(self, table: Float32Array) -> Float32Array:
        """Give float32 [n, d] from float32 [v + 1, d]; a text without entries gets zeros."""
        if self.n == 1:  # a plain product beats building a sparse matrix
            alone: Float32Array = (self.weights @ table.take(self.places, axis=0))[None]
            return alone
        found: Float32Array = _matrix(self.weights, self.rows, self.places, (self.n, table.shape[0])) @ table
        return found

    def matrix(self, size: int) -> sp.csr_matrix:
        """Give float32 csr [n, size], without what the table does not know."""
        known = self.places < size
        chosen = self.weights[known], self.rows[known], self.places[known]
        return _matrix(*chosen, (self.n, size)).tocsr()


def add_unknown(table: Float32Array) -> Float32Array:
    """Give float32 [v + 1, d]: the table, and a row of zeros for what it does not know."""
    return np.vstack((table, np.zeros((1, table.shape[1]), table.dtype)))


def unpack(small: npt.NDArray[np.int8], scales: npt.NDArray[np.float16]) -> Float32Array:
    """Give float32 [v + 1, d] as `add_unknown` does, from int8 [v, d] times each row's scale."""
    table = np.empty((len(small) + 1, small.shape[1]), np.float32)
    np.multiply(small, scales.astype(np.float32)[:, None], out=table[:-1])
    table[-1] = 0
    return table


def _matrix(
    weights: Float32Array, rows: Int32Array, columns: Int32Array, shape: tuple[int, int]
) -> sp.coo_matrix:
    """Give a sparse matrix, of parts that need no check."""
    matrix = sp.coo_matrix(shape, dtype=np.float32)
    matrix.data, matrix.row, matrix.col = weights, rows, columns
    return matrix
