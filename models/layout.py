"""What features are: their kinds, the order they stand in, and how their hashes are salted and mixed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]

CHARGRAM_SIZES: Final = (3, 4, 5)
CJK_SIZES: Final = (1, 2, 3, 4)
LONG_NUMBER: Final = 4  # digits; from here on only the length counts, not the number
SHOUTED: Final = 3  # capitals
LONGEST_WORD: Final = 63  # characters that enter a word's hash
LONGEST_NUMBER: Final = 20  # digits that are told apart
LONGEST_TEXT: Final = 20  # half octaves that are told apart

STEP = np.uint64(0x9E3779B97F4A7C15)
SPREAD = np.uint64(0xBF58476D1CE4E5B9)
EDGE = np.uint64(0x51ED270B)
_SALTS: Final = np.arange(1, 65, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


class Kind(IntEnum):
    """What a feature is; the kinds up to SYMBOL may have a row in an encoder's table."""

    WORD = 0
    CJK_1 = 1
    CJK_2 = 2
    CJK_3 = 3
    CJK_4 = 4
    SYMBOL = 5  # emoji, ! and ?
    WORD_PAIR = 7
    CHARGRAM = 8
    NUMBER = 9
    SHOUT = 10
    EDGE = 11
    LENGTH = 12


# How the features of a batch are ordered. Encoders take the first ENCODABLE parts, heads all but the first.
LAYOUT: Final = np.array(
    [
        *(Kind.CJK_4, Kind.WORD, Kind.CJK_1, Kind.CJK_2, Kind.CJK_3, Kind.SYMBOL),
        *(Kind.NUMBER, Kind.WORD_PAIR, Kind.CHARGRAM, Kind.CHARGRAM, Kind.CHARGRAM),
        *(Kind.EDGE, Kind.LENGTH, Kind.SHOUT),
    ],
    np.uint8,
)
ENCODABLE: Final = 6  # parts
WORD_PART, CJK_2_PART = 1, 3
FIRST_SALTS: Final = _SALTS[[14, 0, 11, 12, 13, 20, 2, 1, 5, 6, 7]]  # of the parts up to CHARGRAM
LENGTH_SALT: Final = _SALTS[45]
SHOUT_HASH: Final = _SALTS[30:31]
EDGE_SALTS: Final = _SALTS[[40, 41, 50, 51]].reshape(2, 2)  # first and last; of words and of CJK characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The features of `n` texts, kind by kind in the order of LAYOUT."""

    n: int
    hashes: UInt64Array  # [m]
    rows: Int32Array  # [m] which text each belongs to, in [0, n); ascending within a part
    counts: Int64Array  # [parts] features in each part of LAYOUT
    cjk: Int64Array  # [n] CJK characters of each text
    letters: Int64Array  # [n] words of letters of each text
    encodable: slice  # the features that may have a row in an encoder's table
    sparse: slice  # the features that heads may weigh

    @property
    def kinds(self) -> npt.NDArray[np.uint8]:
        """Give uint8 [m], each a Kind."""
        return LAYOUT.repeat(self.counts)


def value_characters(codes: npt.NDArray[np.uint32]) -> UInt64Array:
    """Give the number that stands for each code point in the hashes."""
    values = (codes.astype(np.uint64) + np.uint64(1)) * SPREAD
    return values ^ (values >> np.uint64(31))
