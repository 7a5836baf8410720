"""One agent's list: meaning, intent, shared words and what was typed, weighed together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.assist.block import Block, Rows, Vectors
from engine.assist.fits import TYPED_WEIGHT
from engine.assist.query import Query
from engine.assist.shelf import Part, Shelf, best
from engine.assist.visibility import Place
from engine.domain import Suggestion

# What sharing all words is worth beside a cosine of 1. Source: a conditional logit on the pack's questions, each asked
# of a bundle and of replies that never saw its author; `python -m benchmarks.assist --only weights` fits it again.
WORDS_WEIGHT = 2.4
_COMPARED = 96  # how many that fit what was typed are compared by their vectors
_READ = 32  # how many are compared by their words


def search(shelf: Shelf, query: Query, typed: str, place: Place, limit: int) -> list[Suggestion]:
    """The best `limit`, best first."""
    found = [one for part in shelf.parts for one in _search(part, query, typed, place, limit)]
    return best(found, limit)


def _search(part: Part, query: Query, typed: str, place: Place, limit: int) -> list[Suggestion]:
    rows, scores = _candidates(part, query, typed, place)
    if len(rows) > _READ:
        kept = np.argpartition(-scores, _READ)[:_READ]
        rows, scores = rows.take(kept), scores.take(kept)
    if part.block.shares is not None:
        scores = scores + WORDS_WEIGHT * query.certainty * part.block.shares.of(query.words, rows)
    ordered = np.lexsort((rows, -scores))[:limit]
    return _suggestions(part.block, query, rows.take(ordered), scores.take(ordered))


def _candidates(part: Part, query: Query, typed: str, place: Place) -> tuple[Rows, Vectors]:
    """Rows that are near in meaning or fit what was typed, in no order, each once, and their scores so far."""
    block, allowed = part.block, part.allowed(place)
    near = block.near(query.vector, place, allowed)
    if not typed:
        return near.rows, near.scores
    fits = block.fits(typed)
    best = fits.best(query.vector[query.width :], _COMPARED, allowed)
    others = np.array([row for row in best if row not in near.known], dtype=np.int64)
    rows = np.concatenate((near.rows, others))
    meaning = np.concatenate((near.scores, block.vectors.take(others, axis=0) @ query.vector))
    return rows, meaning + TYPED_WEIGHT * fits.of(rows)


def _suggestions(block: Block, query: Query, rows: Rows, scores: Vectors) -> list[Suggestion]:
    embedding = query.vector[: query.width]
    length = max(float(embedding @ embedding) ** 0.5, 1e-12)
    similarity = block.vectors.take(rows, axis=0)[:, : query.width] @ embedding / length
    columns: Sequence[Sequence[float]] = (scores.tolist(), similarity.tolist())
    return [
        Suggestion(reply=block.replies[row], score=score, similarity=cosine)
        for row, score, cosine in zip(rows.tolist(), *columns, strict=True)
    ]
