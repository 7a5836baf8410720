"""How well each reply fits what an agent typed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from threading import Lock

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin
from engine.assist.prefix import Hits, PrefixIndex, SortedKeys
from engine.domain import Reply

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

TITLE_UNITS = 4  # typing more of a word than that no longer narrows it down
BODY_UNITS = 2
LITERAL = 1.0  # of the title, as typed
READING = 0.9  # of the title, by its letters
HOMOPHONE = 0.7  # other characters with the same letters: the input method chose wrongly
TYPO = 0.6  # one letter wrong, missing, too many or swapped
BODY = 0.6  # of the text or of a question
NOT_FIRST = 0.9  # a word inside the title
_SHORTEST_TYPO = 4  # letters; below, everything is a neighbour of everything
_SHORTEST_WORD = 3  # letters
_SHORTEST_READING = 2  # letters
_CACHED = 512  # typed texts whose scores are kept; agents type the same ones all day

Source = tuple[PrefixIndex, npt.NDArray[np.int32], float]


@dataclass(frozen=True, slots=True)
class Fits:
    """The rows that fit, ascending, and how well, in (0, 1]; not to be written."""

    rows: Rows
    scores: Scores

    def among(self, allowed: npt.NDArray[np.bool_] | None) -> Fits:
        """Only the allowed rows; all for None."""
        if allowed is None:
            return self
        kept = allowed[self.rows]
        return Fits(self.rows[kept], self.scores[kept])

    def of(self, rows: Rows) -> Scores:
        """[rows], 0 where one does not fit."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=np.float32)
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[places] == rows, self.scores[places], np.float32(0))


NOTHING = Fits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


class TypedIndex:
    """Immutable; safe to ask from several threads."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._rows = len(replies)
        self._title = PrefixIndex(
            ((row, pinyin.units(reply.title)) for row, reply in enumerate(replies)),
            width=TITLE_UNITS,
        )
        self._body = PrefixIndex(
            ((row, pinyin.quick_units(text)) for row, reply in enumerate(replies) for text in _body(reply)),
            width=BODY_UNITS,
        )
        self._cache: OrderedDict[str, Fits] = OrderedDict()
        self._lock = Lock()

    def fits(self, typed: str) -> Fits:
        """Rows in which something begins with it."""
        folded = pinyin.fold_typed(typed)
        with self._lock:
            if folded in self._cache:
                self._cache.move_to_end(folded)
                return self._cache[folded]
        scores = self._scores(folded)
        rows = np.flatnonzero(scores)
        fits = Fits(rows, scores[rows])
        with self._lock:
            self._cache[folded] = fits
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return fits

    def _scores(self, typed: str) -> Scores:
        scores = np.zeros(self._rows, dtype=np.float32)
        if typed:
            for index, windows, weight in self._sources(typed):
                _raise(scores, index.hits(windows), weight)
        return scores

    def _sources(self, typed: str) -> Iterator[Source]:
        in_letters = typed.isascii()
        spelled = typed if in_letters else pinyin.letters(typed)
        as_read = READING if _has_letters(typed) else HOMOPHONE
        literal = self._title.literals.windows(typed)
        yield self._title, literal, LITERAL
        read = self._title.readings.windows(spelled) if in_letters or not len(literal) else literal[:0]
        yield self._title, read, as_read
        yield from self._body_sources(typed, spelled, as_read)
        if not len(literal) and not len(read):
            yield from self._near_sources(typed, spelled)

    def _body_sources(self, typed: str, spelled: str, as_read: float) -> Iterator[Source]:
        """What is typed in one letter, or begins an English word with two, says nothing of a text."""
        beginning = typed if typed.isascii() else typed[:BODY_UNITS]
        if not typed.isascii() or len(typed) >= _SHORTEST_WORD:
            share = len(beginning) / max(len(typed), BODY_UNITS)
            yield self._body, self._body.literals.windows(beginning), BODY * share
        if len(spelled) >= _SHORTEST_READING and _has_letters(typed):
            yield self._body, self._body.readings.windows(spelled), BODY * as_read

    def _near_sources(self, typed: str, spelled: str) -> Iterator[Source]:
        """What begins almost so: the longest part that begins something, or one letter changed."""
        for keys, text, weight in (
            (self._title.literals, typed, LITERAL),
            (self._title.readings, spelled, READING),
        ):
            length = keys.longest(text)
            if 2 * length > len(text) or (length >= TITLE_UNITS and not text.isascii()):
                yield self._title, keys.windows(text[:length]), weight * length / len(text)
            if len(text) >= _SHORTEST_TYPO and text.isascii():
                for corrected in _corrections(text, keys):
                    yield self._title, keys.windows(corrected), TYPO


def _raise(scores: Scores, hits: Hits, weight: float) -> None:
    inside = hits.rows[~hits.first]
    scores[inside] = np.maximum(scores[inside], np.float32(weight * NOT_FIRST))
    first = hits.rows[hits.first]
    scores[first] = np.maximum(scores[first], np.float32(weight))


def _body(reply: Reply) -> Iterator[str]:
    yield reply.text
    yield from reply.questions


def _has_letters(typed: str) -> bool:
    return any(letter in ascii_lowercase for letter in typed)


def _corrections(typed: str, keys: SortedKeys) -> Sequence[str]:
    """Texts one edit away that begin some key. Source: Norvig, "How to Write a Spelling Corrector" (2007)."""
    halves = [(typed[:cut], typed[cut:]) for cut in range(len(typed) + 1)]
    edits = {left + right[1:] for left, right in halves if right}
    edits |= {left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1}
    edits |= {left + letter + right[1:] for left, right in halves if right for letter in ascii_lowercase}
    edits |= {left + letter + right for left, right in halves for letter in ascii_lowercase}
    return keys.beginning(sorted(edits))
