"""Which rows have a word that begins with what was typed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin
from engine.assist.pinyin import Unit

Rows = npt.NDArray[np.int32]
_BYTES = 32  # of a key; what is typed beyond changes nothing
_KEY = np.dtype(f"S{_BYTES}")
_LAST = b"\xff"  # sorts after every byte of UTF-8


@dataclass(frozen=True, slots=True)
class Hits:
    """Postings: a row may come several times. `first` marks those at the beginning of their text."""

    rows: Rows
    first: npt.NDArray[np.bool_]


class SortedKeys:
    """Keys in order, each with the windows it stands for.

    A sorted array of bytes: Python strings take three times the memory, a trie twice the time.
    """

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        keys, windows = [], array("i")
        for key, window in pairs:
            keys.append(key.encode())
            windows.append(window)
        found = np.array(keys, dtype=_KEY)  # what is longer is cut
        order = np.argsort(found, kind="stable")
        self._keys = found[order]
        self._windows = np.array(windows, dtype=np.int32)[order]

    def windows(self, typed: str) -> Rows:
        """Those with a key that begins with `typed`, each once; none for ""."""
        low, high = self._span(typed)
        return np.unique(self._windows[low:high])

    def beginning(self, typed: Sequence[str]) -> list[str]:
        """Those of the texts that begin some key."""
        bounds = np.array([_bounds(one) for one in typed], dtype=_KEY).reshape(-1, 2)
        low, high = np.searchsorted(self._keys, bounds[:, 0]), np.searchsorted(self._keys, bounds[:, 1])
        return [one for one, found in zip(typed, (high > low).tolist(), strict=True) if found]

    def longest(self, typed: str) -> int:
        """How many characters of `typed` begin some key."""
        place = self._span(typed)[0]
        near = self._keys[max(place - 1, 0) : place + 1].tolist()
        return max((_shared(typed, key.decode(errors="ignore")) for key in near), default=0)

    def _span(self, typed: str) -> tuple[int, int]:
        if not typed or "\0" in typed:
            return 0, 0
        low, high = np.searchsorted(self._keys, np.array(_bounds(typed), dtype=_KEY))
        return int(low), int(high)


class PrefixIndex:
    """Immutable. Texts, given by row, are cut into windows of a few units, one starting at every unit."""

    def __init__(self, texts: Iterable[tuple[int, Sequence[Unit]]], *, width: int) -> None:
        numbers: dict[tuple[Unit, ...], int] = {}
        windows, postings = array("i"), array("i")
        for row, found in texts:
            for start in range(len(found)):
                window = tuple(found[start : start + width])
                windows.append(numbers.setdefault(window, len(numbers)))
                # The lowest bit says whether the window begins the text.
                postings.append(row << 1 | (start == 0))
        ids = np.array(windows, dtype=np.int32)
        self._ends = np.concatenate([[0], np.cumsum(np.bincount(ids, minlength=len(numbers)))])
        self._postings = np.array(postings, dtype=np.int32)[np.argsort(ids, kind="stable")]
        self.literals = SortedKeys(
            (pinyin.literal_key(window), number) for number, window in enumerate(numbers)
        )
        self.readings = SortedKeys(
            (key, number)
            for number, window in enumerate(numbers)
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


def _bounds(typed: str) -> tuple[bytes, bytes]:
    """Between them stand the keys that begin so."""
    low = typed.encode()[: _BYTES - 1]
    return low, low + _LAST


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
