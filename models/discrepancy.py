"""Measures of how two sets of messages differ, and the set that a bundle was trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models.storage import write_arrays
from models.taxonomy import LANGUAGES

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

REFERENCE_FILE: Final = "reference.safetensors"
MEASURES: Final = ("embedding", "confidence", "intents", "discrepancy")
THRESHOLDS: Final = len(MEASURES)
BINS: Final = 10  # of equal count in the training
DIRECTIONS: Final = 12  # in which the training's embeddings vary most
SAMPLE: Final = 256  # embeddings that are compared pairwise
DRAWS: Final = 30  # halves of the authors that are compared with the other half
FLOORS: Final = (0.10, 0.25, 0.25, 0.01)  # below it nothing is worth a look; 0.25 is the usual "shifted"
MARGIN: Final = 1.5  # times what authors differ among themselves
_HALF: Final = 0.5  # of a message, added to every bin, so that an empty one is no infinity
_ASIDE: Final = (
    1e-5  # edges lie beside the messages they were found at, so that rounding moves none over them
)
_LEAST_AUTHORS: Final = 4
_WINDOW: Final = 500  # messages that stand for a half


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a bundle was trained on; l languages, d dimensions, p directions, k intents."""

    directions: Float32Array  # [d, p]
    edges: Float32Array  # [l, p, BINS - 1] of the projections
    counts: Float32Array  # [l, p, BINS] messages between the edges; equal messages may leave a bin empty
    confidence_edges: Float32Array  # [l, BINS - 1]
    confidence_counts: Float32Array  # [l, BINS]
    answers: Float32Array  # [l, k + 1] messages of each answer, out_of_scope last
    sample: Float32Array  # [l, SAMPLE, d]
    gamma: Float32Array  # [l] of the kernel; 0: nothing is known of the language
    thresholds: Float32Array  # [l, 4] one for each of MEASURES

    def knows(self, language: int) -> bool:
        """Whether there were messages in it."""
        return bool(self.gamma[language] > 0)

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        write_arrays(folder / REFERENCE_FILE, {one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read it from `folder`; None where there is none."""
        path = folder / REFERENCE_FILE
        return cls(**load_file(path)) if path.is_file() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """n messages, as a bundle that never saw their authors answers them."""

    embedding: Float32Array  # [n, d]
    confidence: Float64Array  # [n]
    answer: Int64Array  # [n] an intent, or k for out_of_scope
    language: Int64Array  # [n]
    author: npt.NDArray[np.str_]  # [n]

    def take(self, rows: Int64Array) -> Columns:
        """Give the chosen rows."""
        return Columns(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def describe(columns: Columns, intents: int, *, seed: int = 0) -> Reference:
    """Give what later messages are compared with."""
    count, dimension = len(LANGUAGES), columns.embedding.shape[1]
    directions = _find_directions(columns.embedding)
    made = Reference(
        directions=directions,
        edges=np.zeros((count, directions.shape[1], BINS - 1), np.float32),
        counts=np.zeros((count, directions.shape[1], BINS), np.float32),
        confidence_edges=np.zeros((count, BINS - 1), np.float32),
        confidence_counts=np.zeros((count, BINS), np.float32),
        answers=np.zeros((count, intents + 1), np.float32),
        sample=np.zeros((count, SAMPLE, dimension), np.float32),
        gamma=np.zeros(count, np.float32),
        thresholds=np.tile(np.array(FLOORS, np.float32), (count, 1)),
    )
    rng = np.random.default_rng(seed)
    for language in range(count):
        rows = np.flatnonzero(columns.language == language)
        if rows.size:
            _fill(made, language, columns.take(rows), rng)
            made.thresholds[language] = _find_thresholds(columns.take(rows), language, made, rng)
    return made


def measure(
    reference: Reference,
    language: int,
    embedding: Float32Array,
    confidence: Float64Array,
    answer: Int64Array,
) -> list[float]:
    """Give one number for each of MEASURES, for n messages of a language."""
    projected = embedding @ reference.directions
    indexes = [
        stability_index(reference.counts[language, place], _count(projected[:, place], edges))
        for place, edges in enumerate(reference.edges[language])
    ]
    expected, found = _merge_rare(
        reference.answers[language], np.bincount(answer, minlength=reference.answers.shape[1])
    )
    sample = embedding[np.linspace(0, len(embedding) - 1, min(SAMPLE, len(embedding))).astype(np.int64)]
    return [
        float(np.mean(indexes)),
        stability_index(
            reference.confidence_counts[language], _count(confidence, reference.confidence_edges[language])
        ),
        stability_index(expected, found),
        mean_discrepancy(reference.sample[language], sample, float(reference.gamma[language])),
    ]


def stability_index(expected: Float64Array | Float32Array, found: Float64Array) -> float:
    """Give the population stability index of counts or shares [b] `found` against `expected`.

    The chance value of as many messages is taken off, so that few messages look no different from many.
    Source: Siddiqi 2006 (the index); Yurdakul 2018 (its chance value, (b - 1) / n).
    """
    total = float(found.sum())
    share = (found + _HALF) / (total + _HALF * found.size)
    wanted = expected / expected.sum()
    wanted = (wanted * total + _HALF) / (total + _HALF * found.size)
    index = float(((share - wanted) * np.log(share / wanted)).sum())
    return max(index - (found.size - 1) / max(total, 1.0), 0.0)


def mean_discrepancy(one: Float32Array, other: Float32Array, gamma: float) -> float:
    """Give the squared maximum mean discrepancy, unbiased, at least 0. Source: Gretton et al. 2012, lemma 6."""
    within = _off_diagonal_mean(one, gamma) + _off_diagonal_mean(other, gamma)
    return max(within - 2 * float(_kernel(one, other, gamma).mean()), 0.0)


def _fill(made: Reference, language: int, columns: Columns, rng: np.random.Generator) -> None:
    quantiles = np.linspace(0, 1, BINS + 1)[1:-1]
    projected = columns.embedding @ made.directions
    made.edges[language] = np.quantile(projected, quantiles, axis=0).T + _ASIDE
    for place, edges in enumerate(made.edges[language]):
        made.counts[language, place] = _count(projected[:, place], edges)
    made.confidence_edges[language] = np.quantile(columns.confidence, quantiles) + _ASIDE
    made.confidence_counts[language] = _count(columns.confidence, made.confidence_edges[language])
    made.answers[language] = np.bincount(columns.answer, minlength=made.answers.shape[1])
    chosen = rng.choice(len(columns.answer), SAMPLE, replace=len(columns.answer) < SAMPLE)
    made.sample[language] = columns.embedding[chosen]
    squares = _squared_distances(columns.embedding[chosen], columns.embedding[chosen])
    made.gamma[language] = (
        1.0 / max(float(np.median(squares[squares > 0])), 1e-6) if (squares > 0).any() else 1.0
    )


def _find_thresholds(
    columns: Columns, language: int, made: Reference, rng: np.random.Generator
) -> Float32Array:
    """Give what authors differ from the whole by, and a margin: a new writer is no drift."""
    names = np.unique(columns.author)
    if names.size < _LEAST_AUTHORS:
        return np.array(FLOORS, np.float32)
    found = []
    for _ in range(DRAWS):
        some = rng.choice(names, max(names.size // 4, 1), replace=False)
        rows = np.flatnonzero(np.isin(columns.author, some))
        part = columns.take(rng.permutation(rows)[:_WINDOW])
        found.append(measure(made, language, part.embedding, part.confidence, part.answer))
    bounds: Float32Array = np.maximum(MARGIN * np.max(found, axis=0), FLOORS).astype(np.float32)
    return bounds


def _find_directions(embedding: Float32Array) -> Float32Array:
    """Give float32 [d, p], the first principal directions, each with its largest part positive."""
    centred = embedding - embedding.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    chosen = vectors[:, np.argsort(-values, kind="stable")[: min(DIRECTIONS, embedding.shape[1])]]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])])
    turned: Float32Array = (chosen * signs).astype(np.float32)
    return turned


def _count(values: Float64Array | Float32Array, edges: Float32Array) -> Float64Array:
    place = np.searchsorted(edges, values, side="right")
    counts: Float64Array = np.bincount(place, minlength=BINS).astype(np.float64)
    return counts


def _merge_rare(expected: Float32Array, found: Int64Array) -> tuple[Float64Array, Float64Array]:
    """Give both with all but the most frequent answers as one, since of few messages nothing can be said."""
    order = np.argsort(
        -np.maximum(expected / max(expected.sum(), 1), found / max(found.sum(), 1)), kind="stable"
    )
    frequent, rare = order[: BINS - 1], order[BINS - 1 :]
    wanted = np.append(expected[frequent], expected[rare].sum()).astype(np.float64)
    seen = np.append(found[frequent], found[rare].sum()).astype(np.float64)
    return wanted, seen


def _off_diagonal_mean(points: Float32Array, gamma: float) -> float:
    n = len(points)
    return float((_kernel(points, points, gamma).sum() - n) / (n * (n - 1)))


def _kernel(one: Float32Array, other: Float32Array, gamma: float) -> Float64Array:
    values: Float64Array = np.exp(-gamma * _squared_distances(one, other))
    return values


def _squared_distances(one: Float32Array, other: Float32Array) -> Float64Array:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    found: Float64Array = np.maximum(squares, 0).astype(np.float64)
    return found
