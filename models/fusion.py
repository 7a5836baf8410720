"""Fit a `Calibration` on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression

from models import calibration
from models.calibration import SCOPE_SIGNALS, Calibration
from models.dataset import Examples
from models.heads import Columns, Scores
from models.taxonomy import LANGUAGES

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SCOPE_KEPT: Final = 0.95  # share of in-scope messages that the threshold lets through
_NEVER: Final = -40.0  # log-odds of what was never seen


def fit(scores: Scores, examples: Examples, columns: Columns) -> Calibration:
    """Fit all mixtures and thresholds on the scores of n examples."""
    count = len(LANGUAGES)
    fitted = Calibration(
        intent=np.ones((count, 2)),
        scope=np.zeros((count, len(SCOPE_SIGNALS))),
        scope_threshold=np.full(count, 0.5),
        sentiment=np.tile([1.0, 1.0, 0.0, 0.0, 0.0], (count, 1)),
        anger=np.tile([1.0, 1.0, 0.0], (count, 1)),
        anger_threshold=np.full(count, 0.5),
        answer=np.tile([1.0, 0.0], (count, 1)),
    )
    for language in range(count):
        rows = np.flatnonzero(examples.language == language)
        if rows.size:
            _fit_language(fitted, language, take(scores, rows), examples.take(rows), columns)
    return fitted


def take(scores: Scores, rows: npt.NDArray[np.int64]) -> Scores:
    """Give the chosen rows."""
    return Scores(dense=scores.dense[rows], hashed=scores.hashed[rows], nearness=scores.nearness[rows])


def best_threshold(probability: Float64Array, target: BoolArray) -> float:
    """Give the threshold with the highest F1 of bool [n] `target`, midway between neighbours."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(target[order])
    f1 = 2 * hits / (np.arange(1, target.size + 1) + max(int(target.sum()), 1))
    best = int(np.argmax(f1))
    following = probability[order[min(best + 1, target.size - 1)]]
    return float((probability[order[best]] + following) / 2)


def _fit_language(
    fitted: Calibration, language: int, scores: Scores, examples: Examples, columns: Columns
) -> None:
    fitted.intent[language] = _fit_intents(scores, examples, columns)
    weights = np.broadcast_to(fitted.intent[language], (len(examples.texts), 2))
    signals = calibration.scope_signals(scores, weights, columns)
    fitted.scope[language] = fit_logistic(signals, examples.in_scope)
    fitted.sentiment[language] = _fit_sentiment(scores, examples, columns)
    anger = (scores.dense[:, columns.anger], scores.hashed[:, columns.anger], np.ones(len(examples.texts)))
    fitted.anger[language] = fit_logistic(np.column_stack(anger).astype(np.float64), examples.anger)
    _fit_thresholds(fitted, language, scores, examples, columns)


def _fit_thresholds(
    fitted: Calibration, language: int, scores: Scores, examples: Examples, columns: Columns
) -> None:
    spoken = np.full(len(examples.texts), language)
    outcome = fitted.apply(scores, spoken, columns)
    fitted.scope_threshold[language] = np.quantile(outcome.scope[examples.in_scope], 1 - SCOPE_KEPT)
    fitted.anger_threshold[language] = best_threshold(outcome.anger, examples.anger)
    outcome = fitted.apply(scores, spoken, columns)
    chosen = examples.labels[np.arange(spoken.size), outcome.probability.argmax(axis=1)]
    right = np.where(outcome.in_scope, chosen, ~examples.in_scope)
    answer = np.column_stack((calibration.log_odds(outcome.confidence), np.ones(spoken.size)))
    fitted.answer[language] = fit_logistic(answer, right)


def fit_logistic(X: Float64Array, target: BoolArray) -> Float64Array:
    """Give the weights of a logistic regression on float64 [n, m] `X`, whose last column is 1."""
    if target.all() or not target.any():
        return np.array([0.0] * (X.shape[1] - 1) + [-_NEVER if target.all() else _NEVER])
    model = LogisticRegression(C=100.0, max_iter=1000).fit(X[:, :-1], target)
    weights: Float64Array = np.concatenate((model.coef_[0], model.intercept_))
    return weights


def _fit_intents(scores: Scores, examples: Examples, columns: Columns) -> Float64Array:
    inside = np.flatnonzero(examples.in_scope)
    kept, labels = take(scores, inside), examples.labels[inside]

    def loss(weights: Float64Array) -> float:
        logits = calibration.mix_intents(kept, np.broadcast_to(weights, (inside.size, 2)), columns)
        return _mean_loss(logits, labels)

    return _minimize(loss, np.array([1.0, 1.0]))


def _fit_sentiment(scores: Scores, examples: Examples, columns: Columns) -> Float64Array:
    labels = examples.sentiment[:, None] == np.arange(3)

    def loss(weights: Float64Array) -> float:
        logits = calibration.mix_sentiment(scores, np.broadcast_to(weights, (labels.shape[0], 5)), columns)
        return _mean_loss(logits, labels) + 1e-4 * float(weights[2:] @ weights[2:])

    return _minimize(loss, np.array([1.0, 1.0, 0.0, 0.0, 0.0]))


def _mean_loss(logits: Float64Array, labels: BoolArray) -> float:
    """Give the mean negative log-probability of any right label."""
    chosen = np.where(labels, log_softmax(logits, axis=1), -np.inf)
    return -float(np.maximum(logsumexp(chosen, axis=1), _NEVER).mean())


def _minimize(loss: Callable[[Float64Array], float], start: Float64Array) -> Float64Array:
    found: Float64Array = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 60}).x
    return found
