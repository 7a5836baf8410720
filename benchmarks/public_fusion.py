"""Our pipeline on any labelled set: an encoder's vectors and hashed n-grams, each with a linear head, mixed.

The recipe is chosen on training rows left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.svm import LinearSVC

from benchmarks.public_methods import Embedder, Fit, Float32Array, Float64Array, LogArray, Predict
from benchmarks.public_sets import Rows
from models.augment import add_typos
from models.features import extract
from models.fitting import HeadSettings, log_ratios
from models.gather import add_unknown
from models.hashing import BucketIndex

SEEN: Final = 1  # texts; few shots have no n-gram to spare
FOLDS: Final = 3
NOISE: Final = 0.03  # share of letters mistyped in a noisy copy
FEW: Final = 2000  # rows up to which more recipes are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What may be chosen for a set."""

    copies: int  # mistyped copies of every training row
    inverse_penalty: float = 10.0  # of the head on the vectors


RECIPES: Final = (Recipe(copies=0), Recipe(copies=2))
FEW_RECIPES: Final = (*RECIPES, Recipe(copies=0, inverse_penalty=100), Recipe(copies=2, inverse_penalty=100))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """Three linear heads with a column a class: on the vectors, margins and naive Bayes on the hashed n-grams."""

    encoder: Embedder
    index: BucketIndex
    dense: Float32Array  # [d, classes]
    dense_bias: Float32Array
    margin: Float32Array  # [buckets, classes]
    margin_bias: Float32Array
    ratio: Float32Array  # [buckets, classes]

    def parts(self, texts: Sequence[str]) -> list[Float32Array]:
        """Give the three scores, [n, classes] each."""
        features = extract(texts)
        bags = self.index.weigh(features)
        margin, ratio = (bags.sum_rows(add_unknown(table)) for table in (self.margin, self.ratio))
        dense = self.encoder.embed(texts, features) @ self.dense
        return [dense + self.dense_bias, margin + self.margin_bias, ratio]

    def mix(self, weights: Sequence[float]) -> Predict:
        """Give what predicts by the weighted sum; the weights go into the tables, so it costs two products."""
        dense = self.dense * weights[0]
        table = add_unknown(self.margin * weights[1] + self.ratio * weights[2])
        bias = self.dense_bias * weights[0] + self.margin_bias * weights[1]

        def predict(texts: Sequence[str]) -> LogArray:
            features = extract(texts)
            logits = self.encoder.embed(texts, features) @ dense
            logits += self.index.weigh(features).sum_rows(table)
            logits += bias
            return _normalize(logits)

        return predict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixture:
    """How well a recipe predicts rows left out, and by which weights of the three scores."""

    loss: float
    weights: Float64Array
    recipe: Recipe


def fused(encoder: Embedder, *, recipes: Sequence[Recipe] = ()) -> Fit:
    """Give our pipeline; of `recipes` (none: the usual ones) the one that predicts training rows left out best."""

    def fit(rows: Rows) -> Predict:
        tried = recipes or (FEW_RECIPES if rows.y.size <= FEW else RECIPES)
        best = min((_fit_mixture(encoder, rows, recipe) for recipe in tried), key=lambda one: one.loss)
        return _fit_heads(encoder, rows, best.recipe).mix(best.weights.tolist())

    return fit


def _normalize(logits: Float32Array) -> Float32Array:
    """Give the logarithm of the softmax of each row."""
    shifted = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    found: Float32Array = shifted - np.log(np.add.reduce(np.exp(shifted), axis=1, keepdims=True))
    return found


def _add_copies(rows: Rows, recipe: Recipe) -> Rows:
    rng = np.random.default_rng(1)
    copies = [add_typos(text, NOISE, rng) for _ in range(recipe.copies) for text in rows.texts]
    return Rows(texts=(*rows.texts, *copies), y=np.tile(rows.y, recipe.copies + 1))


def _fit_heads(encoder: Embedder, rows: Rows, recipe: Recipe) -> _Fitted:
    settings, rows = HeadSettings(), _add_copies(rows, recipe)
    features = extract(rows.texts)
    index = BucketIndex.fit(features, seen=SEEN)
    X, E = index.weigh(features).matrix(index.buckets.size), encoder.embed(rows.texts, features)
    dense = LogisticRegression(C=recipe.inverse_penalty, max_iter=200, tol=1e-3).fit(E, rows.y)
    margin = LinearSVC(C=settings.hashed_inverse_penalty, random_state=0, tol=1e-2).fit(X, rows.y)
    classes, place = np.unique(rows.y, return_inverse=True)
    return _Fitted(
        encoder=encoder,
        index=index,
        ratio=log_ratios(X, place, classes.size, added=settings.bayes_count),
        **dict(zip(("dense", "dense_bias"), _columns(dense), strict=True)),
        **dict(zip(("margin", "margin_bias"), _columns(margin), strict=True)),
    )


def _columns(model: LogisticRegression | LinearSVC) -> tuple[Float32Array, Float32Array]:
    """Give weights and biases with a column a class; scikit-learn keeps only one for two classes."""
    weights, bias = model.coef_, model.intercept_
    if len(bias) == 1:
        weights, bias = np.vstack((-weights, weights)) / 2, np.concatenate((-bias, bias)) / 2
    return np.ascontiguousarray(weights.T, np.float32), bias.astype(np.float32)


def _fit_mixture(encoder: Embedder, rows: Rows, recipe: Recipe) -> _Mixture:
    """Give the weights of the three scores that predict rows left out best."""
    parts = np.zeros((3, rows.y.size, int(rows.y.max()) + 1), np.float32)
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(rows.y):
        part = rows.take(train)
        place = np.ix_(test, np.unique(part.y))
        scores = _fit_heads(encoder, part, recipe).parts(rows.take(test).texts)
        for whole, own in zip(parts, scores, strict=True):
            whole[place] = own
    row = np.arange(rows.y.size)

    def loss(weights: npt.NDArray[np.float64]) -> float:
        mixed = np.tensordot(weights.astype(np.float32), parts, 1)
        return -float(_normalize(mixed)[row, rows.y].mean(dtype=np.float64))

    start = np.array([0.5, 6.0, 0.2])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxfev": 90, "xatol": 0.02, "fatol": 1e-4})
    return _Mixture(loss=float(found.fun), weights=found.x, recipe=recipe)
