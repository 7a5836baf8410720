"""Nearest vectors by inner product."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from engine.ports import ReplyIndex

Vectors = npt.NDArray[np.float32]
Allowed = npt.NDArray[np.bool_] | None

SWITCH_OVER = 4096  # rows from which the graph is faster at equal recall; `python -m benchmarks.assist index`
LINKS = 32  # M: neighbours of a vertex
EF_CONSTRUCTION = 80
_EXACT = 8192  # so few allowed rows are faster compared one by one, and the graph would miss some
EF_SEARCH = 64  # candidates kept while searching, at least
_EF_PER_RESULT = (
    10  # and for each row asked for: recall@3 is then 0.99 for lists of 32 at 100,000 rows, same benchmark
)


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
        parameters = None if allowed is None else faiss.SearchParameters(sel=_selector(allowed))  # type: ignore[call-arg]
        return _search(self._index, queries, k, parameters)


class GraphReplyIndex:
    """An approximate, immutable index for many rows.

    Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
    Navigable Small World graphs" (2016); IndexHNSWFlat of FAISS with inner products.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = EF_CONSTRUCTION
        self._index.add(np.ascontiguousarray(vectors))
        self.vectors: Vectors = _view(self._index, vectors.shape)

    def search(
        self, queries: Vectors, k: int, allowed: Allowed = None
    ) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """See `ports.ReplyIndex`."""
        if allowed is None:
            return _search(self._index, queries, k, _graph_parameters(k))
        if np.count_nonzero(allowed) <= _EXACT:
            return _search_exactly(self.vectors, queries, k, allowed)
        return _search(self._index, queries, k, _graph_parameters(k, sel=_selector(allowed)))


def build_index(vectors: Vectors) -> ReplyIndex:
    """The faster of the two for so many rows."""
    return FlatReplyIndex(vectors) if len(vectors) < SWITCH_OVER else GraphReplyIndex(vectors)


def _search(
    index: faiss.Index, queries: Vectors, k: int, parameters: faiss.SearchParameters | None
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    scores, rows = index.search(np.ascontiguousarray(queries), min(k, index.ntotal), params=parameters)
    scores[rows < 0] = -np.inf
    return scores, rows


def _search_exactly(
    vectors: Vectors, queries: Vectors, k: int, allowed: npt.NDArray[np.bool_]
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    few = np.flatnonzero(allowed)
    products = queries @ vectors[few].T
    best = np.argsort(-products, axis=1, kind="stable")[:, :k]
    missing = ((0, 0), (0, min(k, len(vectors)) - best.shape[1]))
    scores = np.take_along_axis(products, best, axis=1)
    return (
        np.pad(scores, missing, constant_values=-np.inf),
        np.pad(few[best].astype(np.int64), missing, constant_values=-1),
    )


class _Lent:
    """Memory of an index, lent to numpy: the array keeps this object, and this object the index."""

    def __init__(self, index: faiss.Index, shape: tuple[int, ...]) -> None:
        self._index = index
        held = index if isinstance(index, faiss.IndexFlat) else faiss.downcast_index(index.storage)  # type: ignore[attr-defined]
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": "<f4",
            "data": (int(held.get_xb()), True),  # type: ignore[attr-defined]  # True: not to be written
        }


def _view(index: faiss.Index, shape: tuple[int, ...]) -> Vectors:
    """The index's own copy of its vectors, so that memory holds one only."""
    return np.asarray(_Lent(index, shape))


def _selector(allowed: npt.NDArray[np.bool_]) -> faiss.IDSelector:
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))  # type: ignore[call-arg, arg-type]


def _graph_parameters(k: int, **selector: faiss.IDSelector) -> faiss.SearchParameters:
    return faiss.SearchParametersHNSW(efSearch=max(EF_SEARCH, _EF_PER_RESULT * k), **selector)  # type: ignore[attr-defined, no-any-return]
