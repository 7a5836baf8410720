"""The ways to classify that are compared: ours and others, each from texts and labels to log-probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_union

from benchmarks.public_sets import Rows
from models.features import Features

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Encode = Callable[[Sequence[str]], Float32Array]
LogArray = npt.NDArray[np.floating]
Predict = Callable[[Sequence[str]], LogArray]  # n texts -> [n, classes] log-probabilities
Fit = Callable[[Rows], Predict]

READ_AGAIN: Final = 0.1  # the least certain tenth of every batch


class Embedder(Protocol):
    """What gives vectors; `models.encoding.Encoder` fits."""

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d]."""
        ...

    def embed(self, texts: Sequence[str], features: Features) -> Float32Array:
        """Give float32 [n, d] of texts whose features are known already."""
        ...


@dataclass(frozen=True, slots=True)
class Remembering:
    """An embedder of any function from texts to vectors."""

    encode: Encode

    def embed(self, texts: Sequence[str], features: Features) -> Float32Array:
        """Give float32 [n, d]; the features are not needed."""
        return self.encode(texts)


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

        def predict(texts: Sequence[str]) -> LogArray:
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


def cascaded(fast: Fit, slow: Fit) -> Fit:
    """The slow one reads again what the fast one is least certain of: a tenth of every batch."""

    def fit(rows: Rows) -> Predict:
        first, second = fast(rows), slow(rows)

        def predict(texts: Sequence[str]) -> LogArray:
            logs = first(texts)
            again = np.argsort(logs.max(axis=1), kind="stable")[: max(1, int(READ_AGAIN * len(logs)))]
            logs[again] = second([texts[row] for row in again])
            return logs

        return predict

    return fit
