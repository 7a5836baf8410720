"""Which words texts share: what an embedding forgets, a reply about "points" is about points."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.domain import Reply
from engine.ports import GramCounter, Grams

Weights = npt.NDArray[np.float32]
BUCKETS = 1 << 16
ONE = 65535  # a weight of 1
_AT_ONCE = 512  # texts taken apart together
_KEPT_TEXTS = 256  # whose shares are remembered
_KEPT_ROWS = 256  # of each


@dataclass(frozen=True, slots=True)
class Words:
    """Weighed n-grams of `n` texts: the squares of a text's weights add up to ONE squared, or to 0."""

    offsets: npt.NDArray[np.int64]  # [n + 1]
    buckets: npt.NDArray[np.uint16]  # [m]
    weights: npt.NDArray[np.uint16]  # [m]


class Lexicon:
    """Takes texts apart; `texts` tell how rare each n-gram is."""

    def __init__(self, *, counter: GramCounter, texts: Sequence[str]) -> None:
        self._counter = counter
        self._texts = texts

    def words(self, texts: Sequence[str]) -> Words:
        """Of each text. An n-gram counts by how rare it is; the second time it counts less.

        Source: Salton and Buckley, "Term-weighting approaches in automatic text retrieval" (1988).
        """
        parts = [self._weighed(found) for found in self._counted(texts)]
        lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)])
        return Words(
            np.cumsum(lengths),
            np.concatenate([np.empty(0, np.uint16), *(part.buckets for part in parts)]),
            np.concatenate([np.empty(0, np.uint16), *(part.weights for part in parts)]),
        )

    def of_replies(self, replies: Sequence[Reply]) -> Words:
        """Of each reply's title, text and questions together."""
        return self.words(["\n".join((one.title, one.text, *one.questions)) for one in replies])

    @cached_property
    def _rarity(self) -> Weights:
        """[BUCKETS], 1 and more."""
        known = np.zeros(BUCKETS, dtype=np.float32)
        for found in self._counted(self._texts):
            known += np.bincount(found.buckets, minlength=BUCKETS)
        rarity: Weights = np.log((1 + len(self._texts)) / (1 + known)) + np.float32(1)
        return rarity

    def _counted(self, texts: Sequence[str]) -> Iterator[Grams]:
        for start in range(0, len(texts), _AT_ONCE):
            yield self._counter.grams(texts[start : start + _AT_ONCE])

    def _weighed(self, found: Grams) -> Words:
        weights = np.log1p(found.counts) * self._rarity[found.buckets]
        squares = np.concatenate([[0], np.cumsum(weights**2, dtype=np.float64)])[found.offsets]
        length = np.sqrt(np.maximum(np.diff(squares), 1e-12))
        weights *= np.repeat(ONE / length, np.diff(found.offsets))
        return Words(found.offsets, found.buckets, weights.astype(np.uint16))


def shared(asked: Words, among: Words, rows: npt.NDArray[np.int64]) -> Weights:
    """[rows], the cosine in [0, 1] of one text's words with those of each row."""
    cosine = np.zeros(len(rows), dtype=np.float32)
    starts = among.offsets.take(rows)
    lengths = among.offsets.take(rows + 1) - starts
    filled = np.flatnonzero(lengths)
    if not len(filled) or not len(asked.buckets):
        return cosine
    lengths = lengths[filled]
    ends = np.cumsum(lengths)
    places = np.repeat(starts[filled] - ends + lengths, lengths) + np.arange(ends[-1])
    known = _table.weights
    known[asked.buckets] = asked.weights * np.float32(1 / ONE**2)
    products = known.take(among.buckets.take(places)) * among.weights.take(places)
    known[asked.buckets] = 0
    cosine[filled] = np.add.reduceat(products, ends - lengths)
    return cosine


class Shares:
    """`shared` among the same texts, remembered: most keystrokes compare what the one before did. Safe to share."""

    def __init__(self, among: Words) -> None:
        self._among = among
        self._known: OrderedDict[bytes, dict[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, asked: Words, rows: npt.NDArray[np.int64]) -> Weights:
        """See `shared`."""
        known, wanted = self._known_of(asked), rows.tolist()
        new = [row for row in wanted if row not in known]
        if new:
            found = shared(asked, self._among, np.array(new, dtype=np.int64))
            known.update(zip(new, found.tolist(), strict=True))
        return np.array([known[row] for row in wanted], dtype=np.float32)

    def _known_of(self, asked: Words) -> dict[int, float]:
        key = asked.buckets.tobytes() + asked.weights.tobytes()
        with self._lock:
            known = self._known.pop(key, {})
            # A full one is left to whoever reads it now; nothing is ever taken out of one.
            self._known[key] = known = known if len(known) < _KEPT_ROWS else {}
            if len(self._known) > _KEPT_TEXTS:
                self._known.popitem(last=False)
        return known


class _Table(threading.local):
    """Each thread's own, all 0 between calls: making one takes longer than all the rest."""

    def __init__(self) -> None:
        self.weights = np.zeros(BUCKETS, dtype=np.float32)


_table = _Table()
