"""How characters are folded before anything is counted, and which class each belongs to."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

SEPARATOR: Final = 0
LETTER: Final = 1
DIGIT: Final = 2
CJK: Final = 3
NEWLINE: Final = 4
MARK: Final = 5  # ! and ?
SYMBOL: Final = 6  # emoji and the like
GONE: Final = 7  # folds to nothing
CAPITAL: Final = 8  # added to the class of A to Z

SIZE: Final = 0x20000  # code points above it are read as a separator
DROPPED: Final = 0  # folds to nothing: apostrophes, accents, joiners

_FIRST_SYMBOL: Final = 0x2000  # below it only letters have a compatible form
_DROPPED_RANGES: Final = ((0x0300, 0x036F), (0x200B, 0x200F), (0xFE00, 0xFE0F), (0x2060, 0x2064))
_DROPPED_CHARACTERS: Final = "'’‘`´\ufeff\u00ad\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_LETTER_RANGES: Final = ((0x61, 0x7A), (0xDF, 0x24F), (0x370, 0x52F))
_CJK_RANGES: Final = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF))
_SYMBOL_RANGES: Final = ((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))


def build_folding() -> npt.NDArray[np.uint32]:
    """Give uint32 [SIZE]: the code point each code point is read as; DROPPED where it is left out.

    The one-to-one part of NFKC, accents off, lower case, traditional characters as simplified ones.
    """
    table = np.arange(SIZE, dtype=np.uint32)
    for code in (*range(0x80, 0x3400), *range(0xF900, 0x10000)):
        table[code] = _fold(chr(code))
    table[ord("A") : ord("Z") + 1] += 32
    for traditional, simplified in _read_simplified():
        table[ord(traditional)] = ord(simplified)
    for first, last in _DROPPED_RANGES:
        table[first : last + 1] = DROPPED
    for character in _DROPPED_CHARACTERS:
        table[ord(character)] = DROPPED
    return np.where(table < SIZE, table, np.arange(SIZE, dtype=np.uint32))


def build_classes(folding: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Give uint8 [SIZE]: the class of what each code point folds to."""
    table = np.full(SIZE, SEPARATOR, dtype=np.uint8)
    ranges = ((LETTER, _LETTER_RANGES), (CJK, _CJK_RANGES), (SYMBOL, _SYMBOL_RANGES))
    for kind, spans in ranges:
        for first, last in spans:
            table[first : last + 1] = kind
    table[ord("0") : ord("9") + 1] = DIGIT
    table[[ord("!"), ord("?")]] = MARK
    table[ord("\n")] = NEWLINE
    table[DROPPED] = GONE
    found = table[folding]
    found[ord("A") : ord("Z") + 1] |= CAPITAL
    return found


def write_set(*kinds: int) -> str:
    """Give the inside of a regular expression's [...] that matches folded characters of `kinds`."""
    ranges = {
        LETTER: _LETTER_RANGES,
        DIGIT: ((ord("0"), ord("9")),),
        CJK: _CJK_RANGES,
        MARK: ((ord("!"), ord("!")), (ord("?"), ord("?"))),
        SYMBOL: _SYMBOL_RANGES,
    }
    return "".join(f"{chr(first)}-{chr(last)}" for kind in kinds for first, last in ranges[kind])


def _fold(character: str) -> int:
    composed = unicodedata.normalize("NFKC", character).lower()
    if ord(character) >= _FIRST_SYMBOL:
        return ord(composed) if len(composed) == 1 else ord(character)
    base = unicodedata.normalize("NFKD", composed)
    folded = ord(base[0]) if base else ord(" ")
    return folded if folded < SIZE else ord(character)


def _read_simplified() -> list[tuple[str, str]]:
    text = Path(__file__).with_name("simplified.txt").read_text(encoding="utf-8")
    return [(line[0], line[1]) for line in text.splitlines() if not line.startswith("#")]
