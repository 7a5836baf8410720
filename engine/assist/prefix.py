"""Which rows have a word that begins with what was typed."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin
from engine.assist.pinyin import Unit

Rows = npt.NDArray[np.int32]
_LAST = "\U0010ffff"  # sorts after every character


@dataclass(frozen=True, slots=True)
class Hits:
    """Postings: a row may come several times. `first` marks those at the beginning of their text."""

    rows: Rows
    first: npt.NDArray[np.bool_]


class SortedKeys:
    """Keys in order, each with the windows it stands for.

    A sorted array and bisect: a trie takes less memory and twice the time.
    """

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(pairs)
        self._keys = [key for key, _ in ordered]
        self._windows = np.array([window for _, window in ordered], dtype=np.int32)

    def windows(self, typed: str) -> Rows:
        """Those with a key that begins with `typed`, each once; none for ""."""
        if not typed:
            return self._windows[:0]
        low = bisect.bisect_left(self._keys, typed)
        return np.unique(self._windows[low : bisect.bisect_left(self._keys, typed + _LAST, low)])

    def begins(self, typed: str) -> bool:
        """Whether some key begins so."""
        place = bisect.bisect_left(self._keys, typed)
        return place < len(self._keys) and self._keys[place].startswith(typed)

    def longest(self, typed: str) -> int:
        """How many characters of `typed` begin some key."""
        place = bisect.bisect_left(self._keys, typed)
        return max((_shared(typed, key) for key in self._keys[max(place - 1, 0) : place + 1]), default=0)


class PrefixIndex:
    """Immutable. Texts, given by row, are cut into windows of a few units, one starting at every unit."""

    def __init__(self, texts: Iterable[tuple[int, Sequence[Unit]]], *, width: int) -> None:
        windows: defaultdict[tuple[Unit, ...], list[int]] = defaultdict(list)
        for row, found in texts:
            for start in range(len(found)):
                # The lowest bit says whether the window begins the text.
                windows[tuple(found[start : start + width])].append(row << 1 | (start == 0))
        self._ends = np.cumsum([0, *map(len, windows.values())], dtype=np.int64)
        self._postings = np.fromiter(
            (posting for rows in windows.values() for posting in rows),
            dtype=np.int32,
            count=int(self._ends[-1]),
        )
        self.literals = SortedKeys(
            (pinyin.literal_key(window), number) for number, window in enumerate(windows)
        )
        self.readings = SortedKeys(
            (key, number)
            for number, window in enumerate(windows)
            if any(unit.is_character for unit in window)
            for key in pinyin.reading_keys(window)
        )

    def hits(self, windows: Rows) -> Hits:
        """The rows that have these windows."""
        starts, ends = self._ends[windows], self._ends[windows + 1]
        lengths = ends - starts
        places = np.repeat(ends - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
        postings = self._postings[places]
        return Hits(rows=postings >> 1, first=(postings & 1).astype(np.bool_))


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
