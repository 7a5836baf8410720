"""The features of a few short texts, a string at a time: numpy's calls would cost more than the work.

What `features.extract_batch` gives, hash for hash. Words and n-grams that were met lately are remembered.
"""

from __future__ import annotations

import math
import re
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from models import characters, layout
from models.characters import CJK, DIGIT, LETTER, MARK, SYMBOL
from models.layout import (
    CHARGRAM_SIZES,
    CJK_SIZES,
    ENCODABLE,
    LONG_NUMBER,
    LONGEST_NUMBER,
    LONGEST_TEXT,
    LONGEST_WORD,
    SHOUTED,
    Features,
    Int32Array,
    Int64Array,
)

FEW: Final = 2  # texts; more are faster as a batch where caches are cold, as they are when so few come
SHORT: Final = 200  # characters of all of them, likewise
REMEMBERED: Final = 1 << 16  # n-grams of Chinese; a fourth of it words

_WHOLE: Final = (1 << 64) - 1
_STEP: Final = int(layout.STEP)
_SPREAD: Final = int(layout.SPREAD)
_EDGE: Final = int(layout.EDGE)
_SALTS: Final[list[int]] = layout.FIRST_SALTS.tolist()
_CJK_4, _WORD, _CJK_1, _CJK_2, _CJK_3, _SYMBOL, _NUMBER, _PAIR, _CHARGRAM = range(9)  # parts
_ENDS: Final[list[list[int]]] = layout.EDGE_SALTS.tolist()
_LENGTH_SALT: Final = int(layout.LENGTH_SALT)
_SHOUT: Final = layout.SHOUT_HASH.tobytes()

_THRICE: Final = re.compile(r"([^0-9])\1\1+")
_CAPITALS: Final = re.compile("[A-Z]")
_WORDS: Final = re.compile(f"[{characters.write_set(LETTER)}]+|[{characters.write_set(DIGIT)}]+")
_SPELLINGS: Final = re.compile(f"[A-Z{characters.write_set(LETTER)}]+|[{characters.write_set(DIGIT)}]+")
_CHINESE: Final = re.compile(f"[{characters.write_set(CJK)}]+")
_SYMBOLS: Final = re.compile(f"[{characters.write_set(MARK, SYMBOL)}]")


class _Tables(NamedTuple):
    folded: str  # what each code point is read as, NUL where it is left out
    cased: str  # likewise, A to Z as they are
    values: array[int]  # of each code point in the hashes


class _Word(NamedTuple):
    """A run of letters, or of digits; hashes as they stand in the features, eight bytes each."""

    spelled: bytes  # its hash as a word; none for a long number
    number: bytes  # its hash as a long number
    ends: tuple[bytes, bytes]  # its hashes as the first and as the last word
    first: int  # what it is as the first of a pair
    second: int  # and as the second
    chargrams: tuple[bytes, ...]  # one for each of CHARGRAM_SIZES; none of digits
    letters: bool


def suits(texts: Sequence[str]) -> bool:
    """Whether `texts` are so few and short that they are read faster here than as a batch."""
    return 0 < len(texts) <= FEW and sum(map(len, texts)) <= SHORT


def extract(texts: Sequence[str]) -> Features:
    """Count every n-gram of `texts` (hash, text number and kind of each occurrence)."""
    n = len(texts)
    read = [_read(text.replace("\n", " ")) for text in texts]
    parts = (
        read[0][0]
        if n == 1
        else [part for each in zip(*(one[0] for one in read), strict=True) for part in each]
    )
    sizes = [len(part) >> 3 for part in parts]
    hashes = np.frombuffer(b"".join(parts), np.uint64)
    counts = np.array(sizes)
    return Features(
        n=n,
        hashes=hashes,
        rows=np.zeros(hashes.size, np.int32) if n == 1 else _number_rows(n, counts),
        counts=counts if n == 1 else counts.reshape(-1, n).sum(axis=1),
        cjk=counts[_CJK_1 * n : _CJK_2 * n],
        letters=np.array([letters for _, letters in read]),
        encodable=slice(0, sum(sizes[: ENCODABLE * n])),
        sparse=slice(sum(sizes[:n]), None),
    )


def _number_rows(n: int, counts: Int64Array) -> Int32Array:
    """Give the text of each feature; `counts` has n numbers a part."""
    rows: Int32Array = (np.arange(counts.size, dtype=np.int32) % n).repeat(counts)
    return rows


def _read(text: str) -> tuple[list[bytes], int]:
    """Give the hashes of a text, part by part, and how many words of letters it has."""
    folded, spellings = _fold(text)
    words = [_read_word(word) for word in _WORDS.findall(folded)]
    runs = _CHINESE.findall(folded)
    cjk = [_slide_chinese(runs, size) for size in CJK_SIZES]
    letters = sum([word.letters for word in words])
    shouted = sum([len(word) >= SHOUTED and word.isascii() and word.isupper() for word in spellings])
    return [
        cjk[3],
        b"".join([word.spelled for word in words]),
        *cjk[:3],
        b"".join(map(_hash_symbol, _SYMBOLS.findall(folded))),
        b"".join([word.number for word in words]),
        array("Q", [_mix(one.first + two.second) for one, two in pairwise(words)]).tobytes(),
        *[b"".join([word.chargrams[place] for word in words]) for place in range(len(CHARGRAM_SIZES))],
        _find_ends([word.ends for word in words if word.spelled], runs),
        _hash_length((len(cjk[0]) >> 3) + 3 * letters),
        _SHOUT * shouted,
    ], letters


def _fold(text: str) -> tuple[str, list[str]]:
    """Give a text as it is read, and where it has capitals its words with them."""
    tables = _prepare()
    folded = text.translate(tables.folded)
    cased = text.translate(tables.cased) if _CAPITALS.search(text) else ""
    if thrice := [found.span() for found in _THRICE.finditer(folded)]:
        folded, cased = _squeeze(folded, thrice), _squeeze(cased, thrice)
    spellings: list[str] = _SPELLINGS.findall(cased.replace("\0", "")) if cased else []
    return folded.replace("\0", ""), spellings


def _squeeze(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Leave two characters of each span."""
    kept, start = [], 0
    for first, last in spans:
        kept.append(text[start : first + 2])
        start = last
    return "".join(kept) + text[start:]


def _slide_chinese(runs: Sequence[str], size: int) -> bytes:
    """Give the hash of every n-gram of a size."""
    hash_gram = _HASH_CHINESE[size - 1]
    return b"".join(
        [hash_gram(run[start : start + size]) for run in runs for start in range(len(run) - size + 1)]
    )


def _find_ends(words: Sequence[tuple[bytes, bytes]], runs: Sequence[str]) -> bytes:
    """Give the first and the last word, and CJK character, a hash of its own."""
    first_word, last_word = (words[0][0], words[-1][1]) if words else (b"", b"")
    first, last = (_hash_first(runs[0][0]), _hash_last(runs[-1][-1])) if runs else (b"", b"")
    return first_word + first + last_word + last


@lru_cache(maxsize=REMEMBERED >> 2)
def _read_word(word: str) -> _Word:
    values = [_prepare().values[ord(character)] for character in word]
    is_number = word[0] <= "9"
    is_long = is_number and len(word) >= LONG_NUMBER
    hashed = min(len(word), LONGEST_NUMBER) * _STEP & _WHOLE if is_long else _spell(values)
    part = _mix(hashed + _SALTS[_NUMBER if is_long else _WORD])
    padded = [_EDGE, *values, _EDGE]
    return _Word(
        spelled=b"" if is_long else _write(part),
        number=_write(part) if is_long else b"",
        ends=(_write(_mix(part + _ENDS[0][0])), _write(_mix(part + _ENDS[1][0]))),
        first=hashed * _STEP + _SALTS[_PAIR],
        second=_mix(hashed),
        chargrams=tuple(
            b"" if is_number else _slide(padded, size, _SALTS[_CHARGRAM + place])
            for place, size in enumerate(CHARGRAM_SIZES)
        ),
        letters=not is_number,
    )


def _spell(values: Sequence[int]) -> int:
    """Give the hash of a word."""
    hashed, power = 0, 1
    for place, value in enumerate(values):
        hashed += value * power
        if place < LONGEST_WORD:
            power = power * _STEP & _WHOLE
    return hashed & _WHOLE


def _slide(values: Sequence[int], size: int, salt: int) -> bytes:
    """Give the hash of every n-gram of a size."""
    starts = range(len(values) - size + 1)
    return b"".join([_write(_mix(_roll(values[start : start + size]) + salt)) for start in starts])


def _roll(values: Iterable[int]) -> int:
    hashed = 0
    for value in values:
        hashed = (hashed * _STEP + value) & _WHOLE
    return hashed


def _remember(part: int, end: int | None = None) -> Callable[[str], bytes]:
    """Give what hashes the n-grams of one part, or those at one end of a text, and remembers those met lately."""
    salt = _SALTS[part]

    @lru_cache(maxsize=REMEMBERED)
    def hash_gram(gram: str) -> bytes:
        values = _prepare().values
        mixed = _mix(_roll(values[ord(character)] for character in gram) + salt)
        return _write(mixed if end is None else _mix(mixed + _ENDS[end][1]))

    return hash_gram


_HASH_CHINESE: Final = tuple(map(_remember, (_CJK_1, _CJK_2, _CJK_3, _CJK_4)))
_hash_first: Final = _remember(_CJK_1, 0)
_hash_last: Final = _remember(_CJK_1, 1)
_hash_symbol: Final = _remember(_SYMBOL)


@lru_cache(maxsize=1 << 10)
def _hash_length(characters_and_words: int) -> bytes:
    step = min(int(math.log2(1 + characters_and_words) * 2), LONGEST_TEXT)
    return _write(_mix(step * _STEP + _LENGTH_SALT))


def _mix(hashed: int) -> int:
    """As `features.mix`, of the last 64 bits."""
    hashed &= _WHOLE
    mixed = (hashed ^ (hashed >> 32)) * _SPREAD & _WHOLE
    return mixed ^ (mixed >> 29)


def _write(hashed: int) -> bytes:
    return hashed.to_bytes(8, sys.byteorder)


@cache
def _prepare() -> _Tables:
    folding = characters.build_folding()
    codes = np.arange(characters.SIZE, dtype=np.uint32)
    cased = folding.copy()
    cased[ord("A") : ord("Z") + 1] = range(ord("A"), ord("Z") + 1)
    return _Tables(
        folded="".join(map(chr, folding.tolist())),
        cased="".join(map(chr, cased.tolist())),
        values=array("Q", layout.value_characters(codes).tobytes()),
    )
