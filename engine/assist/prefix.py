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
        self._most = max(windows, default=-1) + 1

    def windows(self, *typed: str) -> Rows:
        """Those with a key that begins with one of the texts, ascending and each once; none for ""."""
        spans = [self._span(one) for one in typed]
        if len(spans) == 1:
            return _distinct(self._windows[slice(*spans[0])], self._most)
        return _distinct(np.concatenate([self._windows[low:high] for low, high in spans]), self._most)

    def beginning(self, typed: Sequence[str]) -> list[str]:
        """Those of the texts that begin some key."""
        if not typed or not len(self._keys):
            return []
        starts = [one.encode()[: _BYTES - 1] for one in typed]
        places = self._keys.searchsorted(np.array(starts, dtype=_KEY))
        keys = self._keys.take(np.minimum(places, len(self._keys) - 1)).tolist()
        found = zip(typed, starts, keys, strict=True)
        return [one for one, start, key in found if key.startswith(start)]

    def longest(self, typed: str) -> int:
        """How many characters of `typed` begin some key."""
        place = self._span(typed)[0]
        near = self._keys[max(place - 1, 0) : place + 1].tolist()
        return max((_shared(typed, key.decode(errors="ignore")) for key in near), default=0)

    def _span(self, typed: str) -> tuple[int, int]:
        if not typed or "\0" in typed:
            return 0, 0
        low, high = self._keys.searchsorted(np.array(_bounds(typed), dtype=_KEY)).tolist()
        return low, high


class PrefixIndex:
    """Immutable. Texts, given by row, are cut into windows of a few units, one starting at every unit."""

    def __init__(self, texts: Iterable[tuple[int, Sequence[Unit]]], *, width: int) -> None:
        cut = _Cut(texts)
        ids, windows = cut.windows(width)
        self._ends = np.concatenate([[0], np.cumsum(np.bincount(ids, minlength=len(windows)))])
        # The lowest bit says whether the window begins the text.
        postings = cut.rows << 1 | (cut.places == 0)
        self._postings = postings[np.argsort(ids, kind="stable")].astype(np.int32)
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
        ends = self._ends.take(windows + 1)
        lengths = ends - self._ends.take(windows)
        before = lengths.cumsum()
        places = (ends - before).repeat(lengths) + np.arange(before[-1] if len(before) else 0)
        postings = self._postings.take(places)
        return Hits(rows=postings >> 1, first=(postings & 1) > 0)


class _Cut:
    """All units of all texts, one after the other, as numbers."""

    def __init__(self, texts: Iterable[tuple[int, Sequence[Unit]]]) -> None:
        numbers = _Numbers()
        units, rows, lengths = array("i"), array("i"), array("i")
        for row, found in texts:
            units.extend(map(numbers.__getitem__, found))
            rows.append(row)
            lengths.append(len(found))
        self._known = list(numbers)
        self._units = np.array(units, dtype=np.int64)
        of_text = np.array(lengths, dtype=np.int64)
        self.rows = np.repeat(np.array(rows, dtype=np.int64), of_text)  # [units]
        ends = np.repeat(np.cumsum(of_text), of_text)
        self._left = ends - np.arange(len(self._units))  # of the text, the unit included
        self.places = np.repeat(of_text, of_text) - self._left  # [units] in the text

    def windows(self, width: int) -> tuple[npt.NDArray[np.int64], list[tuple[Unit, ...]]]:
        """[units], the number of the window that starts at each, and what the windows are."""
        numbers = self._units
        for place in range(1, width):
            following = np.zeros_like(numbers)
            following[:-place] = self._units[place:] + 1
            following[self._left <= place] = 0
            # Numbered anew each time, so that they stay small.
            numbers = np.unique(numbers * (len(self._known) + 1) + following, return_inverse=True)[1]
        _, starts, numbers = np.unique(numbers, return_index=True, return_inverse=True)
        lengths = np.minimum(self._left[starts], width)
        return numbers, [
            tuple(map(self._known.__getitem__, self._units[start : start + length].tolist()))
            for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
        ]


class _Numbers(dict[Unit, int]):
    """Gives each unit the next number when it first comes."""

    def __missing__(self, unit: Unit) -> int:
        self[unit] = number = len(self)
        return number


def _distinct(windows: Rows, most: int) -> Rows:
    """Ascending; marking them takes less than sorting them."""
    if len(windows) < 2:  # noqa: PLR2004  # nothing to do
        return windows
    marks = np.zeros(most, dtype=np.bool_)
    marks[windows] = True
    return marks.nonzero()[0].astype(np.int32)


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
