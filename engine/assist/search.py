"""One agent's list: meaning, intent, shared words and what was typed, weighed together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.assist.block import Block, Rows, Vectors
from engine.assist.query import Query
from engine.assist.shelf import Part, Shelf, best
from engine.assist.typed import Fits
from engine.assist.visibility import Place
from engine.domain import Suggestion

TYPED_WEIGHT = 1.3  # what a typed title is worth beside a cosine of 1
# What sharing all words is worth beside a cosine of 1. Source: a conditional logit on the pack's questions, each asked
# of a bundle and of replies that never saw its author; `python -m benchmarks.assist --only weights` fits it again.
WORDS_WEIGHT = 2.4
_COMPARED = 256  # how many that fit what was typed are compared by their vectors
_READ = 32  # how many are compared by their words


def search(shelf: Shelf, query: Query, typed: str, place: Place, limit: int) -> list[Suggestion]:
    """The best `limit`, best first."""
    found = [one for part in shelf.parts for one in _search(part, query, typed, place, limit)]
    return best(found, limit)


def _search(part: Part, query: Query, typed: str, place: Place, limit: int) -> list[Suggestion]:
    rows, scores = _candidates(part, query, typed, place)
    if len(rows) > _READ:
        kept = np.sort(np.argpartition(-scores, _READ)[:_READ])
        rows, scores = rows[kept], scores[kept]
    if part.block.shares is not None:
        scores = scores + WORDS_WEIGHT * query.certainty * part.block.shares.of(query.words, rows)
    ordered = np.argsort(-scores, kind="stable")[:limit]
    return _suggestions(part.block, query, rows[ordered], scores[ordered])


def _candidates(part: Part, query: Query, typed: str, place: Place) -> tuple[Rows, Vectors]:
    """Rows, ascending, that are near in meaning or fit what was typed, and their scores so far."""
    block, allowed = part.block, part.allowed(place)
    rows = block.near(query.vector, place, allowed)
    if not typed:
        return rows, block.vectors.take(rows, axis=0) @ query.vector
    fits = block.fits(typed).among(allowed)
    rows = np.union1d(rows, _promising(block, query, fits))
    return rows, block.vectors.take(rows, axis=0) @ query.vector + TYPED_WEIGHT * fits.of(rows)


def _promising(block: Block, query: Query, fits: Fits) -> Rows:
    """Rows that fit what was typed: those worth a full comparison where they are many."""
    if len(fits.rows) <= _COMPARED:
        return fits.rows
    intents = np.append(query.vector[query.width :], np.float32(0))[block.intents(query.width)[fits.rows]]
    promise = TYPED_WEIGHT * fits.scores + intents
    return fits.rows[np.argpartition(-promise, _COMPARED)[:_COMPARED]]


def _suggestions(block: Block, query: Query, rows: Rows, scores: Vectors) -> list[Suggestion]:
    embedding = query.vector[: query.width]
    length = max(float(np.linalg.norm(embedding)), 1e-12)
    similarity = block.vectors[rows, : query.width] @ embedding / length
    columns: Sequence[Sequence[float]] = (scores.tolist(), similarity.tolist())
    return [
        Suggestion(reply=block.replies[row], score=score, similarity=cosine)
        for row, score, cosine in zip(rows.tolist(), *columns, strict=True)
    ]
