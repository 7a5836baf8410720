"""Nearest vectors by inner product."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt


class FaissReplyIndex:
    """An exact, immutable index. Source: IndexFlatIP of FAISS; searching it from several threads is safe."""

    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def search(
        self, queries: npt.NDArray[np.float32], k: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Inner products and rows of the best `k`, both [n, min(k, rows)], best first."""
        scores, rows = self._index.search(np.ascontiguousarray(queries), min(k, self._index.ntotal))
        return scores, rows
