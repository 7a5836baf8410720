"""Replies that were indexed together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt

from engine.assist.fits import NOTHING, Fits
from engine.assist.typed import Spellings, TypedIndex
from engine.assist.visibility import Allowed, Place, Visibility
from engine.assist.words import Lexicon, Shares, Words
from engine.domain import OUT_OF_SCOPE, Reply
from engine.ports import Encoder, ReplyIndex

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
BuildIndex = Callable[[Vectors], ReplyIndex]

NEAR = 32  # rows that are near
_KEPT = 1024  # queries whose near rows are remembered
SOON = 1024  # replies that are indexed in full within half a second
_AT_ONCE = 512  # replies encoded together: more take memory and no less time
INTENT_WEIGHT = 1.0  # what certainty of the reply's intent is worth beside a cosine of 1


@dataclass(frozen=True)
class Near:
    """Rows near a query, ascending, and their inner products with it."""

    rows: Rows
    scores: Vectors

    def among(self, allowed: Allowed | None) -> Near:
        """Only the allowed ones; all for None."""
        if allowed is None:
            return self
        kept = allowed[self.rows]
        return Near(self.rows[kept], self.scores[kept])

    @cached_property
    def known(self) -> frozenset[int]:
        """The rows, to be looked up."""
        return frozenset(self.rows.tolist())


@dataclass(frozen=True, slots=True)
class Recalled:
    """Embeddings [n, d] of some replies, and [n] which of them are known."""

    vectors: Vectors
    known: Allowed


class Block:
    """Immutable; safe to search from several threads.

    A reply's vector is its embedding followed by its intent one-hot; a query's is the text's embedding followed
    by the intents' probabilities. One inner product is then cosine + INTENT_WEIGHT x P(intent).
    """

    def __init__(
        self,
        replies: Sequence[Reply],
        *,
        index: ReplyIndex,
        typed: TypedIndex | None = None,
        words: Words | None = None,
        unread: Rows | None = None,
    ) -> None:
        """`unread` are rows whose embeddings are still to be made, and are 0 until then."""
        self.unread = unread
        self.replies = tuple(replies)
        self.rows = {reply.reply_id: row for row, reply in enumerate(self.replies)}
        self.index = index
        self.typed = typed  # None: not made yet, a large block is searched by meaning until it is
        self.shares = None if words is None else Shares(words)
        self.visibility = Visibility(self.replies)
        self.is_as_written = not any("{{" in one.text or "}}" in one.text for one in self.replies)
        self._intents: Rows | None = None
        self._near: OrderedDict[tuple[bytes, str, int], Near] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.replies)

    @property
    def vectors(self) -> Vectors:
        """[rows, d + intents + 1]."""
        return self.index.vectors

    def fits(self, typed: str) -> Fits:
        """How well each row fits what was typed."""
        if self.typed is None:
            return NOTHING
        return self.typed.fits(typed)

    def near(self, query: Vectors, place: Place, allowed: Allowed | None) -> Near:
        """Rows whose vectors are nearest; an agent's keystrokes ask for those of one message."""
        key = (query.tobytes(), place.team, place.channel)
        with self._lock:
            known = self._near.get(key)
        if known is not None and not self.visibility.is_dated:
            known = known.among(allowed)  # what was deleted since is gone
            if len(known.rows) >= min(NEAR // 2, len(self)):
                return known
        _, found = self.index.search(query[np.newaxis], NEAR, allowed)
        rows = np.sort(found[0][found[0] >= 0])
        near = Near(rows, self.vectors.take(rows, axis=0) @ query)
        with self._lock:
            self._near[key] = near
            if len(self._near) > _KEPT:
                self._near.popitem(last=False)
        return near

    def intents(self, width: int) -> Rows:
        """[rows], the column after the `width` of the embedding that holds the intent; one past the last for any."""
        if self._intents is None:
            one_hot = self.vectors[:, width:]
            self._intents = np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), one_hot.shape[1])
        return self._intents


class BlockMaker:
    """Makes blocks: in full, or at once what can be had at once."""

    def __init__(
        self,
        *,
        vectors: ReplyVectors,
        lexicon: Lexicon,
        quick: BuildIndex,
        full: BuildIndex,
        spellings: Spellings | None = None,
    ) -> None:
        self._vectors = vectors
        self._lexicon = lexicon
        self._quick = quick
        self._full = full
        self._spellings = spellings or Spellings()

    def make(self, replies: Sequence[Reply], vectors: Vectors | None = None) -> Block:
        """As fast to search as can be; `vectors` are those of the replies, if they are known."""
        return Block(
            replies,
            index=self._full(self._vectors.of(replies) if vectors is None else vectors),
            typed=TypedIndex(replies, self._vectors.intents(replies), self._spellings.of(replies)),
            words=self._lexicon.of_replies(replies),
        )

    def make_now(self, replies: Sequence[Reply]) -> Block:
        """As soon as can be, at the price of slower searches where the replies are many."""
        if len(replies) <= SOON:
            return self.make(replies)
        return Block(replies, index=self._quick(self._vectors.of(replies)))

    def make_again(self, replies: Sequence[Reply], recalled: Recalled) -> Block:
        """The same where some embeddings are known; many that are not are left for `read`."""
        unread = np.flatnonzero(~recalled.known)
        if len(unread) > SOON:
            zeros = np.where(recalled.known[:, np.newaxis], recalled.vectors, np.float32(0))
            return Block(
                replies, index=self._quick(self._vectors.with_intents(zeros, replies)), unread=unread
            )
        vectors = self._vectors.with_intents(recalled.vectors, replies)
        vectors[unread] = self._vectors.of([replies[row] for row in unread.tolist()])
        return (
            self.make(replies, vectors)
            if len(replies) <= SOON
            else Block(replies, index=self._quick(vectors))
        )

    def read(self, block: Block) -> Vectors:
        """All vectors of its replies, those made that are still to be made."""
        if block.unread is None:
            return block.vectors
        vectors = block.vectors.copy()
        vectors[block.unread] = self._vectors.of([block.replies[row] for row in block.unread.tolist()])
        return vectors


class ReplyVectors:
    """Makes the vectors of replies."""

    def __init__(self, *, encoder: Encoder, intents: Sequence[str]) -> None:
        self._encoder = encoder
        self._columns = {intent: column for column, intent in enumerate([*intents, OUT_OF_SCOPE])}

    def of(self, replies: Sequence[Reply]) -> Vectors:
        """[n, d + intents + 1].

        The embedding is the direction of title, text and questions together, each question as much as title and text.
        """
        parts = [self._of(replies[start : start + _AT_ONCE]) for start in range(0, len(replies), _AT_ONCE)]
        return np.concatenate(parts or [self._of([])])

    def _of(self, replies: Sequence[Reply]) -> Vectors:
        titles = self._encoder.encode([reply.title for reply in replies])
        texts = self._encoder.encode([f"{reply.title}\n{reply.text}" for reply in replies])
        embedding = (titles + texts) / np.float32(2)
        asked = [(row, question) for row, reply in enumerate(replies) for question in reply.questions]
        if asked:
            rows = np.array([row for row, _ in asked])
            np.add.at(embedding, rows, self._encoder.encode([question for _, question in asked]))
        return self.with_intents(unit(embedding), replies)

    def with_intents(self, embedding: Vectors, replies: Sequence[Reply]) -> Vectors:
        """[n, d + intents + 1], where the embeddings [n, d] are known."""
        return np.hstack([embedding, self._one_hot(replies)])

    def intents(self, replies: Sequence[Reply]) -> Rows:
        """[n], the column after those of the embedding that holds the intent; one past the last for any."""
        found = [self._columns.get(reply.intent, len(self._columns)) for reply in replies]
        return np.array(found, dtype=np.int64)

    def _one_hot(self, replies: Sequence[Reply]) -> Vectors:
        is_of = self.intents(replies)[:, np.newaxis] == np.arange(len(self._columns))
        one_hot: Vectors = is_of.astype(np.float32) * np.float32(INTENT_WEIGHT)
        return one_hot


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1, or 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    scaled: Vectors = vectors / np.maximum(length, np.float32(1e-12))
    return scaled.astype(np.float32)
