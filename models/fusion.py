"""Fit a `Calibration` on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from models import calibration
from models.calibration import ANGER_SIGNALS, BANDS, SCOPE_SIGNALS, SECOND_SIGNALS, Calibration, Calibrator
from models.dataset import Examples
from models.heads import Columns, Scores
from models.taxonomy import LANGUAGES

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SCOPE_KEPT: Final = 0.975  # share of in-scope messages let through; above 0.95, so that new writers keep it
FEW: Final = 20  # in-scope messages of a language that say half of what there is to know of their edge
MANY: Final = 200  # that say all
_ABSENT: Final = 1e-300  # adds nothing, and keeps a sum off 0
_NEVER: Final = -40.0  # log-odds of what was never seen
_BIAS_PENALTY: Final = 1e-4  # on the square of a sentiment's bias


def fit(scores: Scores, examples: Examples, columns: Columns) -> Calibration:
    """Fit all mixtures and thresholds on the scores of n examples."""
    count, bands = len(LANGUAGES), len(BANDS) + 1
    fitted = Calibration(
        intent=np.ones((count, bands, 2)),
        second=np.zeros((count, len(SECOND_SIGNALS))),
        second_threshold=np.full(count, 0.5),
        scope=np.zeros((count, len(SCOPE_SIGNALS))),
        scope_threshold=np.full(count, 0.5),
        sentiment=np.tile([1.0, 1.0, 0.0, 0.0, 0.0], (count, 1)),
        anger=np.zeros((count, len(ANGER_SIGNALS))),
        anger_threshold=np.full(count, 0.5),
        answer=np.tile([1.0, 0.0], (count, bands, 1)),
    )
    for language in range(count):
        rows = np.flatnonzero(examples.language == language)
        if rows.size:
            _fit_language(fitted, language, take(scores, rows), examples.take(rows), columns)
    return fitted


def take(scores: Scores, rows: npt.NDArray[np.int64]) -> Scores:
    """Give the chosen rows."""
    return Scores(**{field.name: getattr(scores, field.name)[rows] for field in fields(Scores)})


def best_threshold(probability: npt.NDArray[np.floating], target: BoolArray) -> float:
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
    """Fill the rows of one language of `fitted`; each step builds on the one before."""
    band = calibration.find_band(scores)
    for number in np.unique(band):
        rows = np.flatnonzero(band == number)
        fitted.intent[language, number] = _fit_intents(take(scores, rows), examples.take(rows), columns)
    logits = calibration.mix_intents(scores, fitted.intent[language, band], columns)
    fitted.scope[language] = fit_logistic(
        calibration.scope_signals(scores, logits, columns), examples.in_scope
    )
    fitted.sentiment[language] = _fit_sentiment(scores, examples, columns)
    fitted.anger[language] = fit_logistic(calibration.anger_signals(scores, columns), examples.anger)
    fitted.second[language], fitted.second_threshold[language] = _fit_second(
        scores, logits, examples, columns
    )
    _fit_thresholds(fitted, language, scores, examples, columns)
    _fit_answers(fitted, language, scores, examples, columns)


def _fit_thresholds(
    fitted: Calibration, language: int, scores: Scores, examples: Examples, columns: Columns
) -> None:
    outcome = Calibrator(fitted, columns).apply(scores, np.full(len(examples.texts), language))
    if inside := int(examples.in_scope.sum()):
        edge = np.quantile(outcome.scope[examples.in_scope], 1 - SCOPE_KEPT)
        # Few messages have not been where others will be, so their edge is no edge yet.
        fitted.scope_threshold[language] = edge * (inside / (inside + FEW) if inside < MANY else 1.0)
    fitted.anger_threshold[language] = best_threshold(outcome.anger, examples.anger)


def _fit_second(
    scores: Scores, logits: Float64Array, examples: Examples, columns: Columns
) -> tuple[Float64Array, float]:
    """Give the weights and the threshold that tell a message which has its runner-up for a second intent."""
    ranked = calibration.rank(logits)
    row = np.arange(ranked.first.size)
    meant = examples.labels[row, ranked.first] & examples.labels[row, ranked.second]
    inside = examples.in_scope
    signals = calibration.second_signals(scores, logits, columns)
    weights = fit_logistic(signals[inside], meant[inside])
    probability = calibration.expit(signals[inside] @ weights)
    return weights, best_threshold(probability, meant[inside])


def _fit_answers(
    fitted: Calibration, language: int, scores: Scores, examples: Examples, columns: Columns
) -> None:
    outcome = Calibrator(fitted, columns).apply(scores, np.full(len(examples.texts), language))
    chosen = examples.labels[np.arange(len(examples.texts)), outcome.intent]
    right = np.where(outcome.in_scope, chosen, ~examples.in_scope)
    answer = np.column_stack((calibration.log_odds(outcome.confidence), np.ones(right.size)))
    band = calibration.find_band(scores)
    for number in np.unique(band):
        fitted.answer[language, number] = fit_logistic(answer[band == number], right[band == number])


def fit_logistic(X: Float64Array, target: BoolArray) -> Float64Array:
    """Give the weights of a logistic regression on float64 [n, m] `X`, whose last column is 1."""
    if target.all() or not target.any():
        return np.array([0.0] * (X.shape[1] - 1) + [-_NEVER if target.all() else _NEVER])
    model = LogisticRegression(C=100.0, max_iter=1000).fit(X[:, :-1], target)
    weights: Float64Array = np.concatenate((model.coef_[0], model.intercept_))
    return weights


def _fit_intents(scores: Scores, examples: Examples, columns: Columns) -> Float64Array:
    inside = np.flatnonzero(examples.in_scope)
    if not inside.size:
        return np.ones(2)
    labels = examples.labels[inside]
    mixture = _Mixture(scores.dense[inside, columns.intent], scores.hashed[inside, columns.intent], labels)
    biases = np.zeros(labels.shape[1])

    def loss(weights: Float64Array) -> tuple[float, Float64Array]:
        value, gradient = mixture.loss(np.concatenate((weights, biases)))
        return value, gradient[:2]

    return _minimize(loss, np.array([1.0, 1.0]))


def _fit_sentiment(scores: Scores, examples: Examples, columns: Columns) -> Float64Array:
    labels = examples.sentiment[:, None] == np.arange(3)
    mixture = _Mixture(scores.dense[:, columns.sentiment], scores.hashed[:, columns.sentiment], labels)

    def loss(weights: Float64Array) -> tuple[float, Float64Array]:
        value, gradient = mixture.loss(weights)
        gradient[2:] += 2 * _BIAS_PENALTY * weights[2:]
        return value + _BIAS_PENALTY * float(weights[2:] @ weights[2:]), gradient

    return _minimize(loss, np.array([1.0, 1.0, 0.0, 0.0, 0.0]))


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Two scores of n rows and k classes, to be mixed so that the right classes become likely."""

    dense: Float32Array  # [n, k]
    hashed: Float32Array  # [n, k]
    labels: BoolArray  # [n, k], one at least a row

    def loss(self, weights: Float64Array) -> tuple[float, Float64Array]:
        """Give the mean negative log-probability of any right label, and its slope: by two weights and k biases."""
        logits = weights[0] * self.dense + weights[1] * self.hashed + weights[2:]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        right = np.where(self.labels, raised, _ABSENT)
        total, of_right = raised.sum(axis=1, keepdims=True), right.sum(axis=1, keepdims=True)
        value = float((np.log(total) - np.log(of_right)).mean())
        pull = (raised / total - right / of_right) / len(logits)
        slopes = [float((pull * part).sum()) for part in (self.dense, self.hashed)]
        return value, np.concatenate((slopes, pull.sum(axis=0)))


def _minimize(
    loss: Callable[[Float64Array], tuple[float, Float64Array]], start: Float64Array
) -> Float64Array:
    found: Float64Array = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
    return found
