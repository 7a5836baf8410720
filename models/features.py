"""Hashed n-gram features of a whole batch of short Chinese and English texts, in one numpy pass.

No tokenizer and no loop over texts. A text's features depend on that text alone. The features of a kind stand
together, so that those who want some kinds take a slice. A few short texts are read by `few` instead, to the same
features: for them numpy's calls would be the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from models import characters, few, layout
from models.characters import CAPITAL, CJK, DIGIT, GONE, LETTER, MARK, NEWLINE
from models.layout import (
    CHARGRAM_SIZES,
    CJK_2_PART,
    CJK_SIZES,
    EDGE,
    EDGE_SALTS,
    ENCODABLE,
    FIRST_SALTS,
    LAYOUT,
    LENGTH_SALT,
    LONG_NUMBER,
    LONGEST_NUMBER,
    LONGEST_TEXT,
    LONGEST_WORD,
    SHOUT_HASH,
    SHOUTED,
    STEP,
    WORD_PART,
    Features,
    Int32Array,
    Int64Array,
    Kind,
    UInt64Array,
)

__all__ = ["LAYOUT", "Features", "Kind", "extract"]

BoolArray = npt.NDArray[np.bool_]

_UPPER_HALF = np.uint64(32)
_LATER = np.uint64(29)
_NO_PLACES: Final = np.zeros(0, np.int64)
_NO_HASHES: Final = np.zeros(0, np.uint64)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The folded characters of a batch, a newline before, between and after its texts."""

    values: UInt64Array  # [c]
    classes: npt.NDArray[np.uint8]  # [c]
    rows: Int32Array  # [c]
    capitals: BoolArray  # [c]


@dataclass(frozen=True, slots=True)
class _Part:
    """Features of one kind before their hashes are mixed, and at which character of the batch each stands."""

    hashes: UInt64Array
    places: Int64Array


@dataclass(frozen=True, slots=True)
class _Words:
    """Runs of letters, or of digits."""

    start: Int64Array  # [w] place of the first character
    length: Int64Array  # [w]
    hashes: UInt64Array  # [w]
    is_number: BoolArray  # [w]


_NOTHING: Final = _Part(_NO_HASHES, _NO_PLACES)


def extract(texts: Sequence[str]) -> Features:
    """Count every n-gram of `texts` (hash, text number and kind of each occurrence)."""
    return few.extract(texts) if few.suits(texts) else extract_batch(texts)


def extract_batch(texts: Sequence[str]) -> Features:
    """Do so in numpy, however few texts there are."""
    batch, n = _read(texts), len(texts)
    words = _find_words(batch)
    parts = [*_cjk_grams(batch), _symbols(batch), *_chargrams(batch)]
    spelled, numbers, pairs = _word_parts(batch, words)
    parts = [parts[3], spelled, *parts[:3], parts[4], numbers, pairs, *parts[5:]]
    sizes = [part.places.size for part in parts]
    hashes, rows = _join(parts, sizes, batch.rows)
    span = slice(sizes[0], sum(sizes[:CJK_2_PART]))
    ends, end_rows = _find_ends(hashes[span], rows[span], sizes[WORD_PART])
    letters = np.bincount(batch.rows.take(words.start[~words.is_number]), minlength=n)
    cjk = np.bincount(rows[span][sizes[WORD_PART] :], minlength=n)
    shouted = _shouts(batch, words)
    more = mix(np.concatenate((ends, _lengths(cjk, letters))))
    return Features(
        n=n,
        hashes=np.concatenate((hashes, more, SHOUT_HASH.repeat(shouted.size))),
        rows=np.concatenate((rows, end_rows, np.arange(n, dtype=np.int32), shouted)),
        counts=np.array([*sizes, ends.size, n, shouted.size]),
        cjk=cjk,
        letters=letters,
        encodable=slice(0, sum(sizes[:ENCODABLE])),
        sparse=slice(sizes[0], None),
    )


def mix(hashes: UInt64Array) -> UInt64Array:
    """Spread the bits of `hashes` evenly. Source: the finaliser of SplitMix64, shortened."""
    mixed = (hashes ^ (hashes >> _UPPER_HALF)) * layout.SPREAD
    mixed ^= mixed >> _LATER
    return mixed


@cache
def _tables() -> tuple[UInt64Array, npt.NDArray[np.uint8]]:
    """Give the value and the class of every code point, folded."""
    folding = characters.build_folding()
    return layout.value_characters(folding), characters.build_classes(folding)


@cache
def _powers() -> UInt64Array:
    return np.cumprod(np.r_[np.uint64(1), np.full(LONGEST_WORD, STEP)], dtype=np.uint64)


def _read(texts: Sequence[str]) -> _Batch:
    joined = "\n".join(texts)
    if joined.count("\n") >= max(len(texts), 1):
        joined = "\n".join(text.replace("\n", " ") for text in texts)
    raw = np.frombuffer(f"\n{joined}\n".encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    table, kinds = _tables()
    values, classes = table.take(raw, mode="clip"), kinds.take(raw, mode="clip")
    capitals = classes >= CAPITAL
    classes &= CAPITAL - 1
    gone = classes == GONE
    thrice = _is_third(values)
    if np.count_nonzero(thrice):
        gone[2:] |= thrice & (classes[2:] != DIGIT) & (classes[2:] != NEWLINE)
    if np.count_nonzero(gone):
        kept = (~gone).nonzero()[0]
        values, classes, capitals = values.take(kept), classes.take(kept), capitals.take(kept)
    rows = (classes == NEWLINE).cumsum(dtype=np.int32)
    rows -= 1
    return _Batch(values, classes, rows, capitals)


def _is_third(values: UInt64Array) -> BoolArray:
    """Mark of all but the first two those that follow two equal ones ("soooo", "哈哈哈哈")."""
    same = values[1:] == values[:-1]
    third: BoolArray = same[1:] & same[:-1]
    return third


def _cjk_grams(batch: _Batch) -> list[_Part]:
    is_cjk = batch.classes == CJK
    if not np.count_nonzero(is_cjk):
        return [_NOTHING] * len(CJK_SIZES)
    parts, whole, hashes = [], is_cjk, batch.values
    for size in CJK_SIZES:
        if size > 1:
            hashes = hashes[:-1] * STEP + batch.values[size - 1 :]
            whole = whole[:-1] & is_cjk[size - 1 :]
        places = whole.nonzero()[0]
        parts.append(_Part(hashes.take(places), places))
    return parts


def _symbols(batch: _Batch) -> _Part:
    places = (batch.classes >= MARK).nonzero()[0]
    return _Part(batch.values.take(places), places)


def _find_words(batch: _Batch) -> _Words:
    kind = batch.classes * (batch.classes <= DIGIT)
    edges = (kind[1:] != kind[:-1]).nonzero()[0] + 1
    if not edges.size:
        return _Words(_NO_PLACES, _NO_PLACES, _NO_HASHES, np.zeros(0, np.bool_))
    length = edges[1:] - edges[:-1]
    hashes = _hash_runs(batch.values, edges, length)
    words = kind.take(edges[:-1]).nonzero()[0]
    start = edges.take(words)
    return _Words(start, length.take(words), hashes.take(words), kind.take(start) == DIGIT)


def _hash_runs(values: UInt64Array, edges: Int64Array, length: Int64Array) -> UInt64Array:
    """Give one polynomial hash a run of neighbours, from one edge to the next."""
    first, last = int(edges[0]), int(edges[-1])
    within = np.arange(first, last) - edges[:-1].repeat(length)
    terms = values[first:last] * _powers().take(within, mode="clip")
    return np.add.reduceat(terms, edges[:-1] - first)


def _word_parts(batch: _Batch, words: _Words) -> tuple[_Part, _Part, _Part]:
    """Give words and short numbers, long numbers, and pairs of neighbours."""
    if not words.start.size:
        return _NOTHING, _NOTHING, _NOTHING
    hashes, is_long = words.hashes, words.is_number & (words.length >= LONG_NUMBER)
    spelled, numbers = _Part(hashes, words.start), _NOTHING
    if np.count_nonzero(is_long):
        digits = np.minimum(words.length, LONGEST_NUMBER).astype(np.uint64)
        hashes = np.where(is_long, digits * STEP, hashes)
        numbers = _Part(hashes[is_long], words.start[is_long])
        spelled = _Part(hashes[~is_long], words.start[~is_long])
    rows = batch.rows.take(words.start)
    near = (rows[1:] == rows[:-1]).nonzero()[0]
    pairs = hashes[:-1] * STEP + mix(hashes[1:])
    return spelled, numbers, _Part(pairs.take(near), words.start[1:].take(near))


def _chargrams(batch: _Batch) -> list[_Part]:
    """Give the n-grams inside each word of letters; whatever stands beside a word counts as the same edge."""
    letter = batch.classes == LETTER
    if not np.count_nonzero(letter):
        return [_NOTHING] * len(CHARGRAM_SIZES)
    sequence = np.where(letter, batch.values, EDGE)
    hashes = sequence[:-1] * STEP + sequence[1:]
    parts, inner = [], letter
    for size in CHARGRAM_SIZES:  # the first and the last of each may be an edge, the rest are letters
        hashes = hashes[:-1] * STEP + sequence[size - 1 :]
        inner = letter if size == CHARGRAM_SIZES[0] else inner[:-1] & letter[size - CHARGRAM_SIZES[0] :]
        places = inner[1:-1].nonzero()[0]
        parts.append(_Part(hashes.take(places), places))
    return parts


def _join(parts: Sequence[_Part], sizes: Sequence[int], rows: Int32Array) -> tuple[UInt64Array, Int32Array]:
    """Give the mixed hashes of all parts, and the row of each."""
    hashes = np.concatenate([part.hashes for part in parts])
    hashes += FIRST_SALTS.repeat(sizes)
    return mix(hashes), rows.take(np.concatenate([part.places for part in parts]), mode="clip")


def _find_ends(hashes: UInt64Array, rows: Int32Array, words: int) -> tuple[UInt64Array, Int32Array]:
    """Give the first and the last word, and CJK character, of each text a hash of its own; and their rows.

    The first `words` hashes are those of words.
    """
    if not rows.size:
        return _NO_HASHES, rows
    new = np.ones(rows.size, np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=new[1:])
    new[words : words + 1] = True
    first = new.nonzero()[0]
    last = np.concatenate((first[1:], (rows.size,))) - 1
    salts = EDGE_SALTS.take((first >= words).view(np.int8), axis=1)
    ends = rows.take(first)
    return hashes.take(np.concatenate((first, last))) + salts.ravel(), np.concatenate((ends, ends))


def _lengths(cjk: Int64Array, letters: Int64Array) -> UInt64Array:
    """Give one hash a text: how long it is, in half octaves; a word counts as three characters."""
    step = np.minimum(np.log2(1 + cjk + 3 * letters) * 2, LONGEST_TEXT).astype(np.uint64)
    hashes: UInt64Array = step * STEP + LENGTH_SALT
    return hashes


def _shouts(batch: _Batch, words: _Words) -> Int32Array:
    """Give the row of each word of three or more capitals."""
    if not np.count_nonzero(batch.capitals):
        return batch.rows[:0]
    capitals = batch.capitals.cumsum()
    count = capitals.take(words.start + words.length - 1) - capitals.take(words.start - 1)
    shouted = words.start[(count >= SHOUTED) & (count == words.length)]
    rows: Int32Array = batch.rows.take(shouted)
    return rows
