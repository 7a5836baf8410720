"""What is asked of a shelf: all that is known of the moment, as one vector."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import LANGUAGES
from engine.assist import pinyin
from engine.assist.reader import Read, Reader
from engine.assist.wanted import Wanted
from engine.assist.words import Words

Vectors = npt.NDArray[np.float32]

_KEPT = 1024  # queries
EARLIER = 0.5  # what a customer's message counts beside the one after it
TYPED_MEANING = 0.5  # what the meaning of typed text counts beside that of the customer's messages
TYPED_LEAST = (
    3  # characters or words from which typed text is read beside a context; less adds time and little else
)
TYPED_WHOLE = 6  # characters or words from which typed text tells its intent; one or two say little


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All that is asked; `intent` was read on the way."""

    vector: Vectors  # [d + intents + 1]
    width: int  # of the vector's embedding
    words: Words
    certainty: float  # what the words count, in [0, 1]
    languages: Sequence[str]  # the shelves to ask, likeliest first
    intent: str


class Queries:
    """Makes queries and remembers them: most keystrokes ask what the one before asked. Safe to share."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._made: OrderedDict[tuple[object, ...], Query] = OrderedDict()
        self._lock = Lock()

    def knows(self, wanted: Wanted) -> bool:
        """Whether `make` has nothing to read."""
        with self._lock:
            return _key(wanted) in self._made

    def make(self, wanted: Wanted) -> Query:
        """See `make`; the same object while nothing that counts is another."""
        key = _key(wanted)
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make(self._reader, wanted)
        with self._lock:
            self._made[key] = made
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made

    def forget(self) -> None:
        """Know no text any more."""
        with self._lock:
            self._made.clear()


def _key(wanted: Wanted) -> tuple[object, ...]:
    is_read = not wanted.messages or len(wanted.typed) >= TYPED_LEAST
    return (*wanted.messages, "\0", wanted.language, wanted.typed if is_read else "")


def make(reader: Reader, wanted: Wanted) -> Query:
    """From what the customer said and what the agent typed; either may be missing.

    The language asked for wins, then that of the customer's last message, then that of the typed text; letters alone
    may be a word or the pinyin of one, so both shelves are asked.
    """
    said = reader.read([text for text in wanted.messages if text.strip()])
    is_pinyin = _is_pinyin(wanted, said)
    units = len(pinyin.quick_units(wanted.typed))
    typed = [] if said and (is_pinyin or units < TYPED_LEAST) else reader.read([wanted.typed])
    last = (said or typed)[-1]
    vector = np.zeros_like(last.row)
    if said:
        vector += _context([read.row for read in said], reader.width)
    if typed and not is_pinyin:
        vector += _typed(typed[0].row, reader.width, units)
    return Query(
        vector=vector,
        width=reader.width,
        words=reader.words(" ".join(wanted.messages) if said else wanted.typed),
        certainty=1.0 if said else (0.0 if is_pinyin else TYPED_MEANING),
        languages=_languages(wanted, said, last),
        intent=last.intent,
    )


def _unit(vector: Vectors) -> Vectors:
    """The same direction with length 1, or 0."""
    scaled: Vectors = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return scaled


def _languages(wanted: Wanted, said: Sequence[Read], last: Read) -> Sequence[str]:
    if wanted.language:
        return (wanted.language,)
    if said or not _is_letters(wanted.typed):
        return (last.language,)
    return (last.language, *(one for one in LANGUAGES if one != last.language))


def _is_letters(typed: str) -> bool:
    folded = pinyin.fold_typed(typed)
    return bool(folded) and folded.isascii()


def _is_pinyin(wanted: Wanted, said: Sequence[Read]) -> bool:
    """Whether letters can be nothing else, so that they mean nothing as a word."""
    language = wanted.language or (said[-1].language if said else "")
    return language == "zh" and _is_letters(wanted.typed)


def _context(rows: Sequence[Vectors], width: int) -> Vectors:
    """Of a customer's messages, oldest first: the last counts most."""
    weights = EARLIER ** np.arange(len(rows) - 1, -1, -1, dtype=np.float32)
    vector = np.asarray(weights @ np.stack(rows) / weights.sum(), dtype=np.float32)
    vector[:width] = _unit(vector[:width])
    return vector


def _typed(row: Vectors, width: int, units: int) -> Vectors:
    share = min(units / TYPED_WHOLE, 1)
    weighed = row.copy()
    weighed[:width] *= TYPED_MEANING
    weighed[width:] *= share**2
    return weighed
