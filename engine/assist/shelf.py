"""One tenant's replies in one language, ready to be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np
import numpy.typing as npt

from engine.assist.block import INTENT_WEIGHT, Block, Vectors
from engine.assist.visibility import Allowed, Place, both
from engine.domain import Reply, Suggestion

Rows = npt.NDArray[np.int64]
_MAKE: Callable[[tuple[Reply, float, float, None]], Suggestion] = partial(
    tuple.__new__, Suggestion
)  # from its fields


@dataclass(frozen=True, slots=True)
class Part:
    """A block, and which of its rows are still current (None: all)."""

    block: Block
    alive: Allowed | None = None

    def replies(self) -> Iterator[tuple[int, Reply]]:
        """The current ones and their rows."""
        for row, reply in enumerate(self.block.replies):
            if self.alive is None or self.alive[row]:
                yield row, reply

    def vectors(self) -> Vectors:
        """Of the current ones, in the same order."""
        return self.block.vectors if self.alive is None else self.block.vectors[self.alive]

    def unread(self) -> Iterator[Reply]:
        """Those whose embeddings are still to be made."""
        return (
            self.block.replies[row]
            for row in (() if self.block.unread is None else self.block.unread.tolist())
        )

    def count(self) -> int:
        """How many are current."""
        return len(self.block) if self.alive is None else int(np.count_nonzero(self.alive))

    def allowed(self, place: Place) -> Allowed | None:
        """Rows to offer there; None for all."""
        if self.block.visibility.is_open:
            return self.alive
        return both(self.alive, self.block.visibility.allowed(place))

    def without(self, reply_ids: Mapping[str, object]) -> Part:
        """The same, these replies no longer current."""
        gone = [self.block.rows[one] for one in reply_ids if one in self.block.rows]
        if not gone:
            return self
        alive = np.ones(len(self.block), dtype=np.bool_) if self.alive is None else self.alive.copy()
        alive[gone] = False
        return Part(self.block, alive)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Shelf:
    """An immutable snapshot: a change makes another shelf that shares its blocks. Safe to search from any thread.

    The first block is the large one; what was put since is in the small ones after it.
    """

    parts: tuple[Part, ...]
    width: int  # of an embedding

    def replies(self) -> list[Reply]:
        """All, by id."""
        return sorted(self.unordered(), key=lambda reply: reply.reply_id)

    def unordered(self) -> Iterator[Reply]:
        """All, in any order."""
        return (reply for part in self.parts for _, reply in part.replies())

    def reply(self, reply_id: str) -> Reply | None:
        """The current one of that id."""
        for part in self.parts:
            row = part.block.rows.get(reply_id)
            if row is not None and (part.alive is None or part.alive[row]):
                return part.block.replies[row]
        return None

    def is_open(self) -> bool:
        """Whether all replies are offered everywhere and always."""
        return all(part.block.visibility.is_open for part in self.parts)

    def is_dated(self) -> bool:
        """Whether what is offered changes as time goes by."""
        return any(part.block.visibility.is_dated for part in self.parts)

    def has_typed(self, typed: str) -> bool:
        """Whether some reply fits what was typed."""
        return any(len(part.block.fits(typed).rows) for part in self.parts)

    def is_as_written(self) -> bool:
        """Whether no text needs anything done to it where nothing is known of the customer."""
        return all(part.block.is_as_written for part in self.parts)

    def search(self, queries: Vectors, place: Place, limit: int) -> list[list[Suggestion]]:
        """The best `limit` for each query [n, d + intents + 1], best first."""
        by_part = [self._search_meaning(part, queries, place, limit) for part in self.parts]
        if len(by_part) == 1:
            return by_part[0]
        return [
            best([one for found in of_query for one in found], limit)
            for of_query in zip(*by_part, strict=True)
        ]

    def _search_meaning(
        self, part: Part, queries: Vectors, place: Place, limit: int
    ) -> list[list[Suggestion]]:
        scores, rows = part.block.index.search(queries, limit, part.allowed(place))
        return self._suggestions(part, queries, rows, scores)

    def _suggestions(
        self, part: Part, queries: Vectors, rows: Rows, scores: Vectors
    ) -> list[list[Suggestion]]:
        """For queries [n, ...] their rows and scores [n, k] as suggestions; row -1 is none."""
        similarity = self._similarity(part, queries, rows, scores)
        replies = map(part.block.replies.__getitem__, rows.ravel().tolist())
        columns = zip(replies, scores.ravel().tolist(), similarity.ravel().tolist(), repeat(None))
        made = list(map(_MAKE, columns))
        k = rows.shape[1]
        found = [made[at : at + k] for at in range(0, len(made), k)]
        if (rows < 0).any():
            return [one[:count] for one, count in zip(found, (rows >= 0).sum(axis=1).tolist(), strict=True)]
        return found

    def _similarity(self, part: Part, queries: Vectors, rows: Rows, scores: Vectors) -> Vectors:
        """[n, k], the cosines: what is left of a score without the intent's share of it."""
        intents = np.zeros((len(queries), queries.shape[1] - self.width + 1), dtype=np.float32)
        intents[:, :-1] = queries[:, self.width :]  # the last column is that of a reply for any intent
        each = np.arange(len(queries))[:, np.newaxis]
        share = INTENT_WEIGHT * intents[each, part.block.intents(self.width)[rows]]
        embedding = queries[:, : self.width]
        length = np.sqrt(np.einsum("nd,nd->n", embedding, embedding))[:, np.newaxis]
        cosines: Vectors = (scores - share) / np.maximum(length, np.float32(1e-12))
        return cosines


def best(found: Sequence[Suggestion], limit: int) -> list[Suggestion]:
    """The first `limit` of all; ties by id."""
    return sorted(found, key=lambda one: (-one.score, one.reply.reply_id))[:limit]
