"""What is asked of a shelf: all that is known of the moment, as one vector."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import LANGUAGES
from engine.assist import pinyin
from engine.assist.lists import Lists
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
    lists: Lists = field(default_factory=Lists, compare=False, repr=False)  # found for it


class Queries:
    """Makes queries and remembers them: most keystrokes ask what the one before asked. Safe to share."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._made: OrderedDict[tuple[str, ...], Query] = OrderedDict()
        self._lock = Lock()

    def make(self, wanted: Wanted) -> Query:
        """From what the customer said and what the agent typed; either may be missing.

        The same object while nothing that counts is another. The language asked for wins, then that of the customer's
        last message, then that of the typed text; letters alone may be a word or the pinyin of one, so both shelves
        are asked.
        """
        if not _has_said(wanted):
            return self._keep(_key(wanted, wanted.typed), _of_typed(self._reader, wanted))
        said = self._recall(_key(wanted)) or self._keep(_key(wanted), _of_messages(self._reader, wanted))
        if not _counts(wanted.typed, said):
            return said
        return self._keep(_key(wanted, wanted.typed), _refined(self._reader, said, wanted.typed))

    def forget(self) -> None:
        """Know no text any more."""
        with self._lock:
            self._made.clear()

    def known(self, wanted: Wanted) -> Query | None:
        """What `make` gives where it has nothing to read."""
        if not _has_said(wanted):
            return self._recall(_key(wanted, wanted.typed))
        said = self._recall(_key(wanted))
        if said is None or not _counts(wanted.typed, said):
            return said
        return self._recall(_key(wanted, wanted.typed))

    def _recall(self, key: tuple[str, ...]) -> Query | None:
        with self._lock:
            known = self._made.get(key)
            if known is not None:
                self._made.move_to_end(key)
            return known

    def _keep(self, key: tuple[str, ...], made: Query) -> Query:
        with self._lock:
            self._made[key] = made
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made


def _key(wanted: Wanted, typed: str = "") -> tuple[str, ...]:
    return (*wanted.messages, "\0", wanted.language, typed)


def _has_said(wanted: Wanted) -> bool:
    return any(text.strip() for text in wanted.messages)


def _counts(typed: str, said: Query) -> bool:
    """Whether the meaning of typed text is worth reading beside what was said: where it is long, and no pinyin."""
    is_pinyin = said.languages[0] == "zh" and _is_letters(typed)
    return not is_pinyin and len(typed) >= TYPED_LEAST and len(pinyin.quick_units(typed)) >= TYPED_LEAST


def _of_messages(reader: Reader, wanted: Wanted) -> Query:
    said = reader.read([text for text in wanted.messages if text.strip()])
    return Query(
        vector=_context([read.row for read in said], reader.width),
        width=reader.width,
        words=reader.words(" ".join(wanted.messages)),
        certainty=1.0,
        languages=(wanted.language or said[-1].language,),
        intent=said[-1].intent,
    )


def _refined(reader: Reader, said: Query, typed: str) -> Query:
    """With what the agent means to say."""
    (read,) = reader.read([typed])
    units = len(pinyin.quick_units(typed))
    return replace(said, vector=said.vector + _typed(read.row, reader.width, units), lists=Lists())


def _of_typed(reader: Reader, wanted: Wanted) -> Query:
    (read,) = reader.read([wanted.typed])
    is_pinyin = wanted.language == "zh" and _is_letters(wanted.typed)
    units = len(pinyin.quick_units(wanted.typed))
    return Query(
        vector=np.zeros_like(read.row) if is_pinyin else _typed(read.row, reader.width, units),
        width=reader.width,
        words=reader.words(wanted.typed),
        certainty=0.0 if is_pinyin else TYPED_MEANING,
        languages=_languages(wanted, read),
        intent=read.intent,
    )


def _unit(vector: Vectors) -> Vectors:
    """The same direction with length 1, or 0."""
    scaled: Vectors = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return scaled


def _languages(wanted: Wanted, typed: Read) -> Sequence[str]:
    if wanted.language:
        return (wanted.language,)
    if not _is_letters(wanted.typed):
        return (typed.language,)
    return (typed.language, *(one for one in LANGUAGES if one != typed.language))


def _is_letters(typed: str) -> bool:
    folded = pinyin.fold_typed(typed)
    return bool(folded) and folded.isascii()


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
