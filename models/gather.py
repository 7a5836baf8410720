"""Weighted sums of table rows, one sum a text: the inner loop of encoder and heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]

_LINE: Final = 16  # floats in a line of the cache


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
            alone: Float32Array = (self.weights @ table.take(self.places, axis=0, mode="clip"))[None]
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


def unpack(
    small: npt.NDArray[np.int8], scales: npt.NDArray[np.float16], *, whole_lines: bool = False
) -> Float32Array:
    """Give float32 [v + 1, d] as `add_unknown` does, from int8 [v, d] times each row's scale.

    With `whole_lines` there are more columns, zeros, so that no row shares a line of the cache with another.
    """
    count, d = small.shape
    table = _make_aligned(count + 1, -(-d // _LINE) * _LINE if whole_lines else d)
    np.multiply(small, scales.astype(np.float32)[:, None], out=table[:-1, :d])
    table[-1] = 0
    table[:, d:] = 0
    return table


def _make_aligned(rows: int, columns: int) -> Float32Array:
    """Give float32 [rows, columns], not set, that begins where a line of the cache does."""
    buffer = np.empty(rows * columns + _LINE, np.float32)
    first = -(buffer.ctypes.data // buffer.itemsize) % _LINE
    return buffer[first : first + rows * columns].reshape(rows, columns)


def _matrix(
    weights: Float32Array, rows: Int32Array, columns: Int32Array, shape: tuple[int, int]
) -> sp.coo_matrix:
    """Give a sparse matrix, of parts that need no check."""
    matrix = sp.coo_matrix(shape, dtype=np.float32)
    matrix.data, matrix.row, matrix.col = weights, rows, columns
    return matrix
