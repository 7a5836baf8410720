"""From scores to probabilities: how the two kinds of score are mixed, per language.

All numbers are fitted on out-of-fold scores, so that they hold for authors never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from scipy.special import expit, logsumexp, softmax

from models.heads import Columns, Scores
from models.storage import write_arrays

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

CALIBRATION_FILE: Final = "calibration.safetensors"
SCOPE_SIGNALS: Final = ("dense", "hashed", "energy", "margin", "nearness", "one")
_EPSILON: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Calibrated answers for n texts."""

    probability: Float64Array  # [n, k] over intents; rows sum to 1
    scope: Float64Array  # [n] probability of being in scope
    confidence: Float64Array  # [n] probability that the answer (an intent, or out of scope) is right
    in_scope: npt.NDArray[np.bool_]  # [n]
    sentiment: Float64Array  # [n, 3]
    anger: Float64Array  # [n]
    is_angry: npt.NDArray[np.bool_]  # [n]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One row a language (l = len(LANGUAGES)); weights of (dense, hashed) scores, then biases."""

    intent: Float64Array  # [l, 2]
    scope: Float64Array  # [l, 6] one weight for each of SCOPE_SIGNALS
    scope_threshold: Float64Array  # [l] on the probability of being in scope
    sentiment: Float64Array  # [l, 5] two weights and a bias a class
    anger: Float64Array  # [l, 3] two weights and a bias
    anger_threshold: Float64Array  # [l] on the probability of anger
    answer: Float64Array  # [l, 2] slope and bias on the log-odds of the answer

    def apply(self, scores: Scores, language: Int64Array, columns: Columns) -> Outcome:
        """Turn the scores of n texts in int64 [n] languages into probabilities."""
        probability = softmax(mix_intents(scores, self.intent[language], columns), axis=1)
        signals = scope_signals(scores, self.intent[language], columns)
        scope = expit((signals * self.scope[language]).sum(axis=1))
        in_scope = scope >= self.scope_threshold[language]
        answer = np.where(in_scope, scope * probability.max(axis=1), 1 - scope)
        slope, bias = self.answer[language].T
        anger = expit(_mix_column(scores, self.anger[language], columns.anger))
        return Outcome(
            probability=probability,
            scope=scope,
            confidence=expit(slope * log_odds(answer) + bias),
            in_scope=in_scope,
            sentiment=softmax(mix_sentiment(scores, self.sentiment[language], columns), axis=1),
            anger=anger,
            is_angry=anger >= self.anger_threshold[language],
        )

    def save(self, folder: Path) -> None:
        """Write the numbers into `folder`."""
        write_arrays(folder / CALIBRATION_FILE, {f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the numbers from `folder`."""
        return cls(**load_file(folder / CALIBRATION_FILE))


def mix_intents(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, k] logits from [n, 2] weights."""
    return (
        weights[:, :1] * scores.dense[:, columns.intent] + weights[:, 1:2] * scores.hashed[:, columns.intent]
    )


def mix_sentiment(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, 3] logits from [n, 5] weights and biases."""
    part = columns.sentiment
    return weights[:, :1] * scores.dense[:, part] + weights[:, 1:2] * scores.hashed[:, part] + weights[:, 2:]


def scope_signals(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, 6]: what SCOPE_SIGNALS names.

    Energy is the log of the summed exponentials of the logits; margin the lead of the first over the second.
    Source: Liu et al. 2020, Energy-based Out-of-distribution Detection.
    """
    logits = mix_intents(scores, weights, columns)
    best = np.partition(logits, -2, axis=1)[:, -2:]
    return np.column_stack(
        (
            scores.dense[:, columns.scope],
            scores.hashed[:, columns.scope],
            logsumexp(logits, axis=1),
            best[:, 1] - best[:, 0],
            scores.nearness,
            np.ones(logits.shape[0]),
        )
    )


def log_odds(probability: Float64Array) -> Float64Array:
    """Give log(p / (1 - p)), with p kept off 0 and 1."""
    clipped = np.clip(probability, _EPSILON, 1 - _EPSILON)
    return np.log(clipped / (1 - clipped))


def _mix_column(scores: Scores, weights: Float64Array, column: int) -> Float64Array:
    return weights[:, 0] * scores.dense[:, column] + weights[:, 1] * scores.hashed[:, column] + weights[:, 2]
