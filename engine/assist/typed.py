"""How well each reply fits what an agent typed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from string import ascii_lowercase
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin
from engine.assist.fits import Fits, Scores
from engine.assist.prefix import PrefixIndex, Rows, SortedKeys
from engine.domain import Reply

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
_CACHED = 512  # typed texts whose fits are kept; agents type the same ones all day
_CACHED_ROWS = 1 << 20  # in all of them together

Source = tuple[PrefixIndex, npt.NDArray[np.int32], float]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Spelling:
    """Where words of some replies begin, by what one types for them."""

    title: PrefixIndex
    body: PrefixIndex


def spell(replies: Sequence[Reply]) -> Spelling:
    """Of their titles, texts and questions; it takes several times as long as to encode them."""
    return Spelling(
        title=PrefixIndex(
            ((row, pinyin.units(reply.title)) for row, reply in enumerate(replies)),
            width=TITLE_UNITS,
        ),
        body=PrefixIndex(
            ((row, pinyin.quick_units(text)) for row, reply in enumerate(replies) for text in _body(reply)),
            width=BODY_UNITS,
        ),
    )


class Spellings:
    """Of all lists of replies that some block holds: the same for every bundle. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[str, ...], Spelling] = WeakValueDictionary()

    def of(self, replies: Sequence[Reply]) -> Spelling:
        """Made unless it is there."""
        written = tuple("\0".join((one.title, *_body(one))) for one in replies)
        known = self._known.get(written)
        if known is None:
            known = self._known[written] = spell(replies)
        return known


class TypedIndex:
    """Immutable; safe to ask from several threads."""

    def __init__(
        self,
        replies: Sequence[Reply],
        intents: npt.NDArray[np.int64] | None = None,
        spelling: Spelling | None = None,
    ) -> None:
        """`intents` [replies] is the column of each one's intent; None where that is no matter."""
        self._rows = len(replies)
        self._intents = (np.zeros(len(replies)) if intents is None else intents).astype(np.int16)
        self._spelling = spelling or spell(replies)
        self._title, self._body = self._spelling.title, self._spelling.body
        self._cache: OrderedDict[str, Fits] = OrderedDict()
        self._cached_rows = 0
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
        return self._keep(folded, Fits(rows.astype(np.int32), scores[rows], self._intents[rows]))

    def _keep(self, typed: str, fits: Fits) -> Fits:
        with self._lock:
            if typed in self._cache:
                return self._cache[typed]
            self._cache[typed] = fits
            self._cached_rows += len(fits.rows)
            while len(self._cache) > _CACHED or (self._cached_rows > _CACHED_ROWS and len(self._cache) > 1):
                self._cached_rows -= len(self._cache.popitem(last=False)[1].rows)
        return fits

    def _scores(self, typed: str) -> Scores:
        """[rows], of each row the most that one of the sources gives it."""
        scores = np.zeros(self._rows, dtype=np.float32)
        found: list[tuple[float, Rows]] = []
        for index, windows, weight in self._sources(typed) if typed else ():
            if len(windows):
                hits = index.hits(windows)
                found += (weight, hits.rows[hits.first]), (weight * NOT_FIRST, hits.rows[~hits.first])
        for score, rows in sorted(found, key=itemgetter(0)):  # what gives more is written later
            scores[rows] = score
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
                yield self._title, keys.windows(*_corrections(text, keys, length)), TYPO


def _body(reply: Reply) -> Iterator[str]:
    yield reply.text
    yield from reply.questions


def _has_letters(typed: str) -> bool:
    return any(letter in ascii_lowercase for letter in typed)


def _corrections(typed: str, keys: SortedKeys, right: int) -> Sequence[str]:
    """Texts one edit away that begin some key, as the first `right` letters do; "" where there is none.

    Source: Norvig, "How to Write a Spelling Corrector" (2007).
    """
    halves = [
        (typed[:cut], typed[cut:]) for cut in range(right + 1)
    ]  # a later edit would leave what no key begins with
    edits = {left + rest[1:] for left, rest in halves if rest}
    edits |= {left + rest[1] + rest[0] + rest[2:] for left, rest in halves if len(rest) > 1}
    edits |= {left + letter + rest[1:] for left, rest in halves if rest for letter in ascii_lowercase}
    edits |= {left + letter + rest for left, rest in halves for letter in ascii_lowercase}
    return keys.beginning(sorted(edits)) or [""]
