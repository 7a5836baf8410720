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

from models.heads import Columns, Scores
from models.storage import write_arrays

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

CALIBRATION_FILE: Final = "calibration.safetensors"
SCOPE_SIGNALS: Final = ("dense", "hashed", "energy", "margin", "nearness", "length", "one")
ANGER_SIGNALS: Final = ("dense", "hashed", "length", "one")
BANDS: Final = (3.3, 4.6)  # octaves of length: up to 8, up to 23 characters, longer
_EPSILON: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Calibrated answers for n texts."""

    probability: Float64Array  # [n, k] over intents; rows sum to 1
    second: Int64Array  # [n] the intent the message has besides, -1: none
    scope: Float64Array  # [n] probability of being in scope
    confidence: Float64Array  # [n] probability that the answer (an intent, or out of scope) is right
    in_scope: npt.NDArray[np.bool_]  # [n]
    sentiment: Float64Array  # [n, 3]
    anger: Float64Array  # [n]
    is_angry: npt.NDArray[np.bool_]  # [n]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Learned numbers for each language (l) and, where short messages differ, band of length (b)."""

    intent: Float64Array  # [l, b, 2] weights of the dense and the hashed scores
    second_threshold: Float64Array  # [l] on the probability of the runner-up
    scope: Float64Array  # [l, 7] one weight for each of SCOPE_SIGNALS
    scope_threshold: Float64Array  # [l] on the probability of being in scope
    sentiment: Float64Array  # [l, 5] two weights and a bias a class
    anger: Float64Array  # [l, 4] one weight for each of ANGER_SIGNALS
    anger_threshold: Float64Array  # [l] on the probability of anger
    answer: Float64Array  # [l, b, 2] slope and bias on the log-odds of the answer

    def apply(self, scores: Scores, language: Int64Array, columns: Columns) -> Outcome:
        """Turn the scores of n texts in int64 [n] languages into probabilities."""
        band = find_band(scores)
        logits = mix_intents(scores, self.intent[language, band], columns)
        probability = softmax(logits)
        scope = expit((scope_signals(scores, logits, columns) * self.scope[language]).sum(axis=1))
        in_scope = scope >= self.scope_threshold[language]
        answer = np.where(in_scope, scope * probability.max(axis=1), 1 - scope)
        slope, bias = self.answer[language, band].T
        anger = expit((anger_signals(scores, columns) * self.anger[language]).sum(axis=1))
        return Outcome(
            probability=probability,
            second=find_second(probability, self.second_threshold[language]),
            scope=scope,
            confidence=expit(slope * log_odds(answer) + bias),
            in_scope=in_scope,
            sentiment=softmax(mix_sentiment(scores, self.sentiment[language], columns)),
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


def find_second(probability: Float64Array, threshold: Float64Array) -> Int64Array:
    """Give int64 [n]: the runner-up of each row of [n, k] where it reaches its threshold, else -1."""
    row = np.arange(len(probability))
    runner_up = np.argpartition(probability, -2, axis=1)[:, -2]
    return np.where(probability[row, runner_up] >= threshold, runner_up, -1)


def find_band(scores: Scores) -> Int64Array:
    """Give int64 [n] in [0, 2]: short, middling or long."""
    return np.searchsorted(BANDS, scores.length)


def mix_intents(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, k] logits from [n, 2] weights."""
    return (
        weights[:, :1] * scores.dense[:, columns.intent] + weights[:, 1:2] * scores.hashed[:, columns.intent]
    )


def mix_sentiment(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, 3] logits from [n, 5] weights and biases."""
    part = columns.sentiment
    return weights[:, :1] * scores.dense[:, part] + weights[:, 1:2] * scores.hashed[:, part] + weights[:, 2:]


def scope_signals(scores: Scores, logits: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, 7]: what SCOPE_SIGNALS names, from the mixed [n, k] logits of the intents.

    Energy is the log of the summed exponentials of the logits; margin the lead of the first over the second.
    Source: Liu et al. 2020, Energy-based Out-of-distribution Detection.
    """
    best = np.partition(logits, -2, axis=1)[:, -2:]
    return np.column_stack(
        (
            scores.dense[:, columns.scope],
            scores.hashed[:, columns.scope],
            logsumexp(logits),
            best[:, 1] - best[:, 0],
            scores.nearness,
            scores.length,
            np.ones(len(logits)),
        )
    )


def anger_signals(scores: Scores, columns: Columns) -> Float64Array:
    """Give float64 [n, 4]: what ANGER_SIGNALS names."""
    column = columns.anger
    one = np.ones(len(scores.length))
    return np.column_stack((scores.dense[:, column], scores.hashed[:, column], scores.length, one))


def softmax(logits: Float64Array) -> Float64Array:
    """Give float64 [n, k], rows that sum to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Float64Array = raised / raised.sum(axis=1, keepdims=True)
    return found


def logsumexp(logits: Float64Array) -> Float64Array:
    """Give float64 [n], the log of the summed exponentials of each row."""
    highest = logits.max(axis=1)
    found: Float64Array = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return found


def expit(odds: Float64Array) -> Float64Array:
    """Give the probability of each log-odds."""
    return 0.5 * (1 + np.tanh(0.5 * odds))


def log_odds(probability: Float64Array) -> Float64Array:
    """Give log(p / (1 - p)), with p kept off 0 and 1."""
    clipped = np.clip(probability, _EPSILON, 1 - _EPSILON)
    return np.log(clipped / (1 - clipped))
