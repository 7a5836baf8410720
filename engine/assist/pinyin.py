"""How a text can be typed: its units, and what letters each begins with.

A unit is one Chinese character with its reading, or one word of letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from pypinyin import lazy_pinyin
from pypinyin.contrib.mmseg import seg

_RUN = re.compile(r"([\u3400-\u9fff\uf900-\ufaff]+)|[^\W_]+")
_NOT_TYPED = re.compile(r"[\s'’`·_-]+")


# Both readings, joined; one of them is what pypinyin found.
_POLYPHONES = {
    "重": "zhongchong",
    "还": "haihuan",
    "行": "xinghang",
    "长": "changzhang",
    "调": "diaotiao",
    "差": "chachai",
    "便": "bianpian",
    "率": "lvshuai",
    "降": "jiangxiang",
    "数": "shushuo",
    "参": "canshen",
}


class Unit(NamedTuple):
    """`literal` as written, `reading` its letters without tones; for a word both are the same."""

    literal: str
    reading: str

    @property
    def is_character(self) -> bool:
        """Whether it is a Chinese character."""
        return self.literal != self.reading


def fold(text: str) -> str:
    """What is compared: width, case, accents of compatibility and traditional forms aside."""
    return unicodedata.normalize("NFKC", text).casefold()


def fold_typed(typed: str) -> str:
    """The same without what input methods put between syllables."""
    return _NOT_TYPED.sub("", fold(typed))


def units(text: str) -> list[Unit]:
    """In order; punctuation is left out. Polyphones are read as their phrase asks."""
    found: list[Unit] = []
    for run in _RUN.finditer(fold(text)):
        if run[1]:
            for word in seg.cut(run[1]):
                found.extend(_word(word))
        else:
            found.append(Unit(run[0], run[0]))
    return found


def quick_units(text: str) -> list[Unit]:
    """The same, each character read as it mostly is: ten times faster, and enough for long texts."""
    found: list[Unit] = []
    for run in _RUN.finditer(fold(text)):
        if run[1]:
            found.extend(map(_character, run[1]))
        else:
            found.append(Unit(run[0], run[0]))
    return found


@lru_cache(maxsize=1 << 16)
def _word(word: str) -> tuple[Unit, ...]:
    """Of a word that pypinyin cuts a text into: most come often, and to read one takes longest."""
    return tuple(map(Unit, word, lazy_pinyin(word)))


@cache
def _character(character: str) -> Unit:
    return Unit(character, lazy_pinyin(character)[0])


def letters(typed: str) -> str:
    """Typed text with its Chinese characters replaced by their readings: "发h" gives "fah"."""
    return "".join(unit.reading for unit in units(typed))


def literal_key(window: Sequence[Unit]) -> str:
    """As written, without spaces."""
    return "".join(unit.literal for unit in window)


def reading_keys(window: Sequence[Unit]) -> Iterator[str]:
    """Ways to type the window with letters: each unit in full or by its initial, the usual mixtures of the two.

    Every beginning of a key counts as typed, so "fh", "fahuo", "fah" and "fhuo" are all found for 发货. Characters
    that are often misread have both readings.
    """
    yield from _keys(window)
    for place, unit in enumerate(window):
        if other := _POLYPHONES.get(unit.literal, unit.reading).replace(unit.reading, ""):
            yield from _keys([*window[:place], Unit(unit.literal, other), *window[place + 1 :]])


def _keys(window: Sequence[Unit]) -> Iterator[str]:
    full = [unit.reading for unit in window]
    short = [unit.reading[:1] if unit.is_character else unit.reading for unit in window]
    seen: set[str] = set()
    for cut in range(len(window) + 1):
        for key in ("".join(full[:cut] + short[cut:]), "".join(short[:cut] + full[cut:])):
            if key not in seen:
                seen.add(key)
                yield key
