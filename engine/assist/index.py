"""Nearest vectors by inner product."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from engine.ports import ReplyIndex

Vectors = npt.NDArray[np.float32]
Allowed = npt.NDArray[np.bool_] | None

SWITCH_OVER = 2048  # rows from which clusters are faster; `python -m benchmarks.assist --only index`
CLUSTERS = 3.0  # times the square root of the rows
PROBES = 16  # clusters looked into, at least
_PROBES_PER_RESULT = 0.5  # and for each row asked for: recall@32 is then 0.998 at 50,000 rows, same benchmark
_ROUNDS = 6  # of k-means
_LEARNED_FROM = 32  # vectors a cluster, at most
# Many queries that want few rows each: one product, of which the largest are taken away one by one, costs a third of
# what FAISS takes to keep a heap for each query. `python -m benchmarks.profile` shows it as "suggest: index".
_MANY = 8  # queries
_PEELED = 8  # rows a query
_LARGEST = 1 << 22  # products held at once, 16 MB


class FlatReplyIndex:
    """An exact, immutable index. Source: IndexFlatIP of FAISS; searching it from several threads is safe."""

    def __init__(self, vectors: Vectors) -> None:
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))
        self.vectors: Vectors = _view(self._index, vectors.shape)

    def search(
        self, queries: Vectors, k: int, allowed: Allowed = None
    ) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """See `ports.ReplyIndex`."""
        if len(queries) >= _MANY and k <= _PEELED and len(queries) * len(self.vectors) <= _LARGEST:
            return _peeled(queries @ self.vectors.T, min(k, len(self.vectors)), allowed)
        parameters = None if allowed is None else faiss.SearchParameters(sel=_selector(allowed))  # type: ignore[call-arg]
        return _search(self._index, queries, k, parameters)


class ClusteredReplyIndex:
    """An approximate, immutable index for many rows: it looks only into the clusters whose middles are nearest.

    Source: the inverted file of Sivic and Zisserman, "Video Google" (2003); IndexIVFFlat of FAISS with inner products.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = np.ascontiguousarray(vectors)
        self.vectors.flags.writeable = False
        self._clusters = max(int(CLUSTERS * len(vectors) ** 0.5), 1)
        self._middles = faiss.IndexFlatIP(vectors.shape[1])
        self._index = faiss.IndexIVFFlat(
            self._middles, vectors.shape[1], self._clusters, faiss.METRIC_INNER_PRODUCT
        )
        learning = self._index.cp
        learning.niter, learning.max_points_per_centroid, learning.min_points_per_centroid = (
            _ROUNDS,
            _LEARNED_FROM,
            1,
        )
        self._index.train(self.vectors)
        self._index.add(self.vectors)

    def search(
        self, queries: Vectors, k: int, allowed: Allowed = None
    ) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """See `ports.ReplyIndex`."""
        probes = PROBES + int(_PROBES_PER_RESULT * k)
        if allowed is None:
            return _search(self._index, queries, k, _probing(probes))
        count, selector = int(np.count_nonzero(allowed)), _selector(allowed)
        # The fewer are allowed, the more clusters it takes to find as many; passing over the others costs little.
        probes = min(probes * len(allowed) // max(count, 1), self._clusters)
        scores, rows = _search(self._index, queries, k, _probing(probes, sel=selector))
        if probes < self._clusters and (rows[:, : min(k, count)] < 0).any():
            return _search(self._index, queries, k, _probing(self._clusters, sel=selector))
        return scores, rows


def build_index(vectors: Vectors) -> ReplyIndex:
    """The faster of the two for so many rows."""
    return FlatReplyIndex(vectors) if len(vectors) < SWITCH_OVER else ClusteredReplyIndex(vectors)


def _search(
    index: faiss.Index, queries: Vectors, k: int, parameters: faiss.SearchParameters | None
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    scores, rows = index.search(np.ascontiguousarray(queries), min(k, index.ntotal), params=parameters)
    scores[rows < 0] = -np.inf
    return scores, rows


def _peeled(products: Vectors, k: int, allowed: Allowed = None) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """The `k` largest of each row of products, which are spent; ties by column."""
    if allowed is not None:
        products[:, ~allowed] = -np.inf
    row = np.arange(len(products))
    rows = np.empty((len(products), k), dtype=np.int64)
    scores = np.empty((len(products), k), dtype=np.float32)
    for place in range(k):
        rows[:, place] = best = products.argmax(axis=1)
        scores[:, place] = products[row, best]
        products[row, best] = -np.inf
    rows[np.isneginf(scores)] = -1
    return scores, rows


class _Lent:
    """Memory of an index, lent to numpy: the array keeps this object, and this object the index."""

    def __init__(self, index: faiss.IndexFlatIP, shape: tuple[int, ...]) -> None:
        self._index = index
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": "<f4",
            "data": (int(index.get_xb()), True),  # True: not to be written
        }


def _view(index: faiss.IndexFlatIP, shape: tuple[int, ...]) -> Vectors:
    """The index's own copy of its vectors, so that memory holds one only."""
    return np.asarray(_Lent(index, shape))


def _selector(allowed: npt.NDArray[np.bool_]) -> faiss.IDSelector:
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))  # type: ignore[call-arg, arg-type]


def _probing(clusters: int, **selector: faiss.IDSelector) -> faiss.SearchParameters:
    return faiss.SearchParametersIVF(nprobe=clusters, **selector)  # type: ignore[call-arg]
