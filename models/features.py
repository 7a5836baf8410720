"""Hashed n-gram features of a whole batch of short Chinese and English texts, in one numpy pass.

No tokenizer and no loop over texts. A text's features depend on that text alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from models import characters
from models.characters import CJK, DIGIT, DROPPED, MARK, NEWLINE, SYMBOL

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CHARGRAM_SIZES: Final = (3, 4, 5)
CJK_SIZES: Final = (1, 2, 3, 4)
LONG_NUMBER: Final = 4  # digits; from here on only the length counts, not the number
SHOUTED: Final = 3  # capitals
LONGEST_WORD: Final = 63  # characters that enter a word's hash

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)
_EDGE = np.uint64(0x51ED270B)
_SHORT: Final = 0x10000  # numpy sorts numbers below it by radix
_SALTS: Final = np.arange(1, 65, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


class Kind(IntEnum):
    """What a feature is; the kinds below MARK may have a row in an encoder's table."""

    WORD = 0
    CJK_1 = 1
    CJK_2 = 2
    CJK_3 = 3
    CJK_4 = 4
    SYMBOL = 5
    MARK = 6
    WORD_PAIR = 7
    CHARGRAM = 8
    NUMBER = 9
    SHOUT = 10
    EDGE = 11
    LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The features of `n` texts, ordered by text."""

    n: int
    hashes: UInt64Array  # [m]
    rows: Int64Array  # [m], ascending, in [0, n)
    kinds: npt.NDArray[np.uint8]  # [m]
    cjk: Int64Array  # [n] CJK characters of each text
    letters: Int64Array  # [n] words of letters of each text

    def offsets(self) -> Int64Array:
        """Give int64 [n + 1]: where each text's features begin, and the end."""
        return np.searchsorted(self.rows, np.arange(self.n + 1))


@dataclass(frozen=True, slots=True)
class _Batch:
    """The folded characters of a batch: [c] code values, classes and text numbers."""

    values: UInt64Array
    classes: npt.NDArray[np.uint8]
    rows: Int64Array
    upper: BoolArray


@dataclass(frozen=True, slots=True)
class _Part:
    hashes: UInt64Array
    rows: Int64Array
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Words:
    """Runs of letters, or of digits: [w] first and last+1 position, hash and text number."""

    start: Int64Array
    end: Int64Array
    hashes: UInt64Array
    rows: Int64Array
    is_number: BoolArray


def extract(texts: Sequence[str]) -> Features:
    """Count every n-gram of `texts` (hash, text number and kind of each occurrence)."""
    batch = _read(texts)
    parts = [*_cjk_grams(batch), *_single(batch)]
    words = _find_words(batch)
    if words.start.size:
        parts += [*_word_parts(words), *_chargrams(batch, words), _shouts(batch, words)]
    parts += [edge for part in parts if part.kind in (Kind.WORD, Kind.CJK_1) for edge in _edges(part)]
    return _join(parts, batch, words, n=len(texts))


def mix(hashes: UInt64Array) -> UInt64Array:
    """Spread the bits of `hashes` evenly. Source: the finaliser of SplitMix64, shortened."""
    mixed = (hashes ^ (hashes >> np.uint64(32))) * _SPREAD
    return mixed ^ (mixed >> np.uint64(29))


@cache
def _tables() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    return characters.build_folding(), characters.build_classes()


@cache
def _powers() -> UInt64Array:
    return np.cumprod(np.r_[np.uint64(1), np.full(LONGEST_WORD, _STEP)], dtype=np.uint64)


def _read(texts: Sequence[str]) -> _Batch:
    folding, classes = _tables()
    joined = "\n".join(text.replace("\n", " ") if "\n" in text else text for text in texts)
    raw = np.frombuffer(f"\n{joined}\n".encode("utf-32-le", "surrogatepass"), np.uint32)
    raw = np.minimum(raw, characters.SIZE - 1)
    folded = folding[raw]
    keep = (folded != DROPPED) & ~_is_drawn_out(folded)
    folded, raw = folded[keep], raw[keep]
    found = classes[folded]
    values = (folded.astype(np.uint64) + np.uint64(1)) * _SPREAD
    values ^= values >> np.uint64(31)
    rows = np.cumsum(found == NEWLINE) - 1
    return _Batch(values, found, rows, (raw >= ord("A")) & (raw <= ord("Z")))


def _is_drawn_out(folded: npt.NDArray[np.uint32]) -> BoolArray:
    """Mark the third and later of equal characters in a row ("soooo", "哈哈哈哈"), digits excepted."""
    drawn = np.zeros(folded.size, np.bool_)
    same = folded[1:] == folded[:-1]
    drawn[2:] = same[1:] & same[:-1]
    drawn &= (folded < ord("0")) | (folded > ord("9"))
    found: BoolArray = drawn & (folded != ord("\n"))
    return found


def _cjk_grams(batch: _Batch) -> list[_Part]:
    place = np.flatnonzero(batch.classes == CJK)
    values, rows = batch.values[place], batch.rows[place]
    run = place - np.arange(place.size)  # equal within a run of neighbours
    parts, hashes = [], values
    for size in CJK_SIZES:
        count = place.size - size + 1
        if count < 1:
            break
        if size > 1:
            hashes = hashes[:count] * _STEP + values[size - 1 :]
        whole = run[:count] == run[size - 1 :]
        parts.append(_Part(mix(hashes[whole] + _SALTS[10 + size]), rows[:count][whole], Kind(size)))
    return parts


def _single(batch: _Batch) -> list[_Part]:
    parts = []
    for wanted, kind in ((SYMBOL, Kind.SYMBOL), (MARK, Kind.MARK)):
        place = np.flatnonzero(batch.classes == wanted)
        if place.size:
            parts.append(_Part(mix(batch.values[place] + _SALTS[20]), batch.rows[place], kind))
    return parts


def _find_words(batch: _Batch) -> _Words:
    kind = np.where(batch.classes <= DIGIT, batch.classes, 0)
    edge = np.flatnonzero(kind[1:] != kind[:-1]) + 1
    start, end = edge[:-1], edge[1:]
    inside = kind[start] > 0
    start, end = start[inside], end[inside]
    is_number = kind[start] == DIGIT
    return _Words(start, end, _hash_spans(batch.values, start, end), batch.rows[start], is_number)


def _hash_spans(values: UInt64Array, start: Int64Array, end: Int64Array) -> UInt64Array:
    """Give one polynomial hash a span."""
    lengths = end - start
    total = np.zeros(int(lengths.sum()) + 1, np.uint64)
    first = np.cumsum(lengths) - lengths
    within = np.arange(total.size - 1) - np.repeat(first, lengths)
    taken = values[within + np.repeat(start, lengths)] * _powers()[np.minimum(within, LONGEST_WORD)]
    np.cumsum(taken, out=total[1:])
    spans: UInt64Array = total[first + lengths] - total[first]
    return spans


def _word_parts(words: _Words) -> list[_Part]:
    length = words.end - words.start
    number = words.is_number & (length >= LONG_NUMBER)
    size = np.minimum(length[number], 20).astype(np.uint64)
    hashes = words.hashes.copy()
    hashes[number] = size * _STEP
    near = words.rows[1:] == words.rows[:-1]
    pairs = mix(hashes[:-1] * _STEP + mix(hashes[1:]) + _SALTS[1])
    return [
        _Part(mix(hashes[~number] + _SALTS[0]), words.rows[~number], Kind.WORD),
        _Part(mix(hashes[number] + _SALTS[2]), words.rows[number], Kind.NUMBER),
        _Part(pairs[near], words.rows[1:][near], Kind.WORD_PAIR),
    ]


def _chargrams(batch: _Batch, words: _Words) -> list[_Part]:
    """Give the n-grams inside each word of letters, with a mark at both of its edges."""
    start, end, rows = (a[~words.is_number] for a in (words.start, words.end, words.rows))
    total = end - start + 2
    stop = np.cumsum(total)
    word = np.repeat(np.arange(start.size), total)
    place = np.arange(word.size)
    within = place - (stop - total)[word]
    left = stop[word] - place  # characters to the end of the word, this one included
    inner = (within > 0) & (left > 1)
    sequence = np.full(word.size, _EDGE, np.uint64)
    sequence[inner] = batch.values[(start[word] + within - 1)[inner]]
    parts, hashes = [], sequence
    for size in range(2, max(CHARGRAM_SIZES) + 1):
        hashes = hashes[:-1] * _STEP + sequence[size - 1 :]
        if size in CHARGRAM_SIZES:
            whole = np.flatnonzero(left[: hashes.size] >= size)
            parts.append(_Part(mix(hashes[whole] + _SALTS[2 + size]), rows[word[whole]], Kind.CHARGRAM))
    return parts


def _shouts(batch: _Batch, words: _Words) -> _Part:
    """Give one feature for each word of three or more capitals."""
    capitals = np.r_[0, np.cumsum(batch.upper)]
    count = capitals[words.end] - capitals[words.start]
    rows = words.rows[(count >= SHOUTED) & (count == words.end - words.start)]
    return _Part(np.full(rows.size, _SALTS[30]), rows, Kind.SHOUT)


def _edges(part: _Part) -> list[_Part]:
    """Give the first and the last word, or character, of each text a feature of its own."""
    change = part.rows[1:] != part.rows[:-1]
    first, last = np.append(True, change), np.append(change, True)
    if not part.rows.size:
        return []
    return [
        _Part(mix(part.hashes[first] + _SALTS[40 + part.kind]), part.rows[first], Kind.EDGE),
        _Part(mix(part.hashes[last] + _SALTS[50 + part.kind]), part.rows[last], Kind.EDGE),
    ]


def _lengths(cjk: Int64Array, letters: Int64Array) -> _Part:
    """Give one feature a text: how long it is, in half octaves; a word counts as three characters."""
    step = np.minimum(np.log2(1 + cjk + 3 * letters) * 2, 20).astype(np.uint64)
    return _Part(mix(step * _STEP + _SALTS[45]), np.arange(cjk.size), Kind.LENGTH)


def _join(parts: list[_Part], batch: _Batch, words: _Words, *, n: int) -> Features:
    cjk = np.bincount(batch.rows[batch.classes == CJK], minlength=n)
    letters = np.bincount(words.rows[~words.is_number], minlength=n)
    parts.append(_lengths(cjk, letters))
    rows = np.concatenate([part.rows for part in parts])
    kinds = np.repeat([np.uint8(part.kind) for part in parts], [part.rows.size for part in parts])
    short = rows.astype(np.uint16) if n <= _SHORT else rows
    order = np.argsort(short, kind="stable")
    hashes = np.concatenate([part.hashes for part in parts])
    return Features(n=n, hashes=hashes[order], rows=rows[order], kinds=kinds[order], cjk=cjk, letters=letters)
