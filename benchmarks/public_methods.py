"""The ways to classify that are compared: ours and others, each from texts and labels to log-probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from benchmarks.public_sets import Rows
from models.augment import add_typos
from models.encoder import StaticEncoder
from models.features import extract
from models.fitting import HeadSettings
from models.gather import add_unknown
from models.hashing import BucketIndex

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Encode = Callable[[Sequence[str]], Float32Array]
Predict = Callable[[Sequence[str]], Float64Array]  # n texts -> [n, classes] log-probabilities
Fit = Callable[[Rows], Predict]

SEEN: Final = 1  # texts; few shots have no n-gram to spare
FOLDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Pair:
    """Scores of both heads: [n, classes] each."""

    dense: Float64Array
    hashed: Float64Array


def fused(encoder: StaticEncoder, *, noise: float = 0.0) -> Fit:
    """Give our pipeline; with `noise`, one mistyped copy of every training row joins."""

    def fit(rows: Rows) -> Predict:
        weights = _fit_mixture(encoder, rows)
        score = _fit_pair(encoder, _add_copies(rows, noise) if noise else rows)

        def predict(texts: Sequence[str]) -> Float64Array:
            pair = score(texts)
            mixed: Float64Array = log_softmax(weights[0] * pair.dense + weights[1] * pair.hashed, axis=1)
            return mixed

        return predict

    return fit


def tfidf(rows: Rows) -> Predict:
    """Words and characters by tf-idf, logistic regression."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True)
    union = make_union(words, characters).fit(rows.texts)
    model = OneVsRestClassifier(LogisticRegression(C=30, solver="liblinear"))
    model.fit(union.transform(rows.texts), rows.y)
    return lambda texts: np.log(model.predict_proba(union.transform(texts)) + 1e-12)


def embedded(encode: Encode) -> Fit:
    """Any encoder, logistic regression on its vectors."""

    def fit(rows: Rows) -> Predict:
        model = LogisticRegression(C=10, max_iter=200, tol=1e-3).fit(encode(rows.texts), rows.y)
        return lambda texts: np.log(model.predict_proba(encode(texts)) + 1e-12)

    return fit


def routed(encode: Encode, *, nearest: int = 5, sharpness: float = 20.0) -> Fit:
    """The nearest examples vote with their cosines, as semantic-router does it with five."""

    def fit(rows: Rows) -> Predict:
        known, classes = encode(rows.texts), int(rows.y.max()) + 1

        def predict(texts: Sequence[str]) -> Float64Array:
            similar = encode(texts) @ known.T
            top = np.argpartition(-similar, nearest, axis=1)[:, :nearest]
            votes = np.zeros((len(texts), classes))
            np.add.at(
                votes, (np.arange(len(texts))[:, None], rows.y[top]), np.take_along_axis(similar, top, 1)
            )
            found: Float64Array = log_softmax(sharpness * votes / nearest, axis=1)
            return found

        return predict

    return fit


def _add_copies(rows: Rows, noise: float) -> Rows:
    rng = np.random.default_rng(1)
    copies = tuple(add_typos(text, noise, rng) for text in rows.texts)
    return Rows(texts=(*rows.texts, *copies), y=np.concatenate((rows.y, rows.y)))


def _fit_pair(encoder: StaticEncoder, rows: Rows) -> Callable[[Sequence[str]], _Pair]:
    settings, features = HeadSettings(), extract(rows.texts)
    index = BucketIndex.fit(features, seen=SEEN)
    X, E = index.weigh(features).matrix(index.buckets.size), encoder.encode_features(features)
    dense = LogisticRegression(C=settings.dense_inverse_penalty, max_iter=200, tol=1e-3).fit(E, rows.y)
    hashed = LinearSVC(C=settings.hashed_inverse_penalty, random_state=0, tol=1e-2).fit(X, rows.y)
    dense_weights, dense_bias = _columns(dense)
    hashed_weights, hashed_bias = _columns(hashed)
    known = add_unknown(hashed_weights)

    def score(texts: Sequence[str]) -> _Pair:
        features = extract(texts)
        embedding = encoder.encode_features(features)
        return _Pair(
            embedding @ dense_weights + dense_bias,
            index.weigh(features).sum_rows(known) + hashed_bias,
        )

    return score


def _columns(model: LogisticRegression | LinearSVC) -> tuple[Float32Array, Float64Array]:
    """Give weights and biases with a column a class; scikit-learn keeps only one for two classes."""
    weights, bias = model.coef_, model.intercept_
    if len(bias) == 1:
        weights, bias = np.vstack((-weights, weights)) / 2, np.concatenate((-bias, bias)) / 2
    return np.ascontiguousarray(weights.T, np.float32), bias


def _fit_mixture(encoder: StaticEncoder, rows: Rows) -> Float64Array:
    """Give the two weights of the heads' scores that predict rows left out best."""
    size = int(rows.y.max()) + 1
    dense, hashed = np.zeros((rows.y.size, size)), np.zeros((rows.y.size, size))
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(rows.y):
        part = rows.take(train)
        pair = _fit_pair(encoder, part)(rows.take(test).texts)
        columns = np.unique(part.y)
        dense[np.ix_(test, columns)], hashed[np.ix_(test, columns)] = pair.dense, pair.hashed

    def loss(weights: Float64Array) -> float:
        mixed = log_softmax(weights[0] * dense + weights[1] * hashed, axis=1)
        return -float(mixed[np.arange(rows.y.size), rows.y].mean())

    found: Float64Array = minimize(loss, np.array([0.5, 8.0]), method="L-BFGS-B").x
    return found
