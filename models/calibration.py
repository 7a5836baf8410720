"""From scores to probabilities: how the two kinds of score are mixed, per language.

All numbers are fitted on out-of-fold scores, so that they hold for authors never seen.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models import alone
from models.heads import Columns, Scores
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Real = TypeVar("Real", npt.NDArray[np.float32], npt.NDArray[np.float64])
Int64Array = npt.NDArray[np.int64]

CALIBRATION_FILE: Final = "calibration.safetensors"
SCOPE_SIGNALS: Final = ("dense", "hashed", "energy", "margin", "nearness", "length", "one")
SECOND_SIGNALS: Final = ("dense", "hashed", "margin", "runner_up_dense", "runner_up_hashed", "length", "one")
ANGER_SIGNALS: Final = ("dense", "hashed", "length", "one")
BANDS: Final = (3.3, 4.6)  # octaves of length: up to 8, up to 23 characters, longer
_BOUNDS: Final = np.array(BANDS, np.float32)
_BOUNDS_ALONE: Final[list[float]] = _BOUNDS.tolist()
_EPSILON: Final = 1e-6
_PARTS: Final = (0, 4, 5)  # where the weights of scope, of anger and of the second intent begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Calibrated answers for n texts."""

    probability: Float32Array  # [n, k] over intents; rows sum to 1
    intent: Int64Array  # [n] the most probable
    second: Int64Array  # [n] the intent the message has besides, -1: none
    scope: Float32Array  # [n] probability of being in scope
    confidence: Float32Array  # [n] probability that the answer (an intent, or out of scope) is right
    in_scope: npt.NDArray[np.bool_]  # [n]
    sentiment: Float32Array  # [n, 3]
    anger: Float32Array  # [n]
    is_angry: npt.NDArray[np.bool_]  # [n]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Learned numbers for each language (l) and, where short messages differ, band of length (b)."""

    intent: Float64Array  # [l, b, 2] weights of the dense and the hashed scores
    second: Float64Array  # [l, 7] one weight for each of SECOND_SIGNALS
    second_threshold: Float64Array  # [l] on the probability that the runner-up is meant too
    scope: Float64Array  # [l, 7] one weight for each of SCOPE_SIGNALS
    scope_threshold: Float64Array  # [l] on the probability of being in scope
    sentiment: Float64Array  # [l, 5] two weights and a bias a class
    anger: Float64Array  # [l, 4] one weight for each of ANGER_SIGNALS
    anger_threshold: Float64Array  # [l] on the probability of anger
    answer: Float64Array  # [l, b, 2] slope and bias on the log-odds of the answer

    def save(self, folder: Path) -> None:
        """Write the numbers into `folder`."""
        write_arrays(folder / CALIBRATION_FILE, {f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the numbers from `folder`."""
        return cls(**load_file(folder / CALIBRATION_FILE))


class Calibrator:
    """A calibration at work, its numbers laid out so that all columns of a batch are mixed at once."""

    def __init__(self, calibration: Calibration, columns: Columns) -> None:
        bands = len(BANDS) + 1
        languages = len(calibration.scope)
        self._columns = columns
        self._mixture = _lay_out_mixture(calibration, columns)
        self._numbers = np.array(
            [
                *calibration.scope[:, 2:6].T.repeat(bands, axis=1),
                *calibration.anger[:, 2:3].T.repeat(bands, axis=1),
                *calibration.second[:, 2:6].T.repeat(bands, axis=1),
                *calibration.answer.reshape(languages * bands, 2).T,
                calibration.scope_threshold.repeat(bands),
                calibration.anger_threshold.repeat(bands),
                calibration.second_threshold.repeat(bands),
            ],
            np.float32,
        )  # [14, l * b]
        self._numbers_alone: list[list[float]] = self._numbers.T.tolist()

    def apply(self, scores: Scores, language: npt.NDArray[np.integer]) -> Outcome:
        """Turn the scores of n texts in [n] languages into probabilities."""
        return (
            self._apply_alone(scores, language) if language.size == 1 else self.apply_batch(scores, language)
        )

    def apply_batch(self, scores: Scores, language: npt.NDArray[np.integer]) -> Outcome:
        """Do so in numpy, however few texts there are."""
        group = find_band(scores) + (len(BANDS) + 1) * language.astype(np.int64)
        numbers = self._numbers.take(group, axis=1)
        slope, bias = numbers[9:11]
        mixed = self._mix(scores, group)
        ranked = rank(mixed[:, self._columns.intent])
        chances = self._chances(mixed, scores, ranked, numbers)
        scope, anger, _ = chances
        in_scope, is_angry, has_second = chances >= numbers[11:]
        answer = np.where(in_scope, scope * ranked.highest, 1 - scope)
        return Outcome(
            probability=ranked.probability,
            intent=ranked.first,
            second=np.where(has_second, ranked.second, -1),
            scope=scope,
            confidence=expit(slope * log_odds(answer) + bias),
            in_scope=in_scope,
            sentiment=softmax(mixed[:, self._columns.sentiment]),
            anger=anger,
            is_angry=is_angry,
        )

    def _apply_alone(self, scores: Scores, language: npt.NDArray[np.integer]) -> Outcome:
        group = bisect_left(_BOUNDS_ALONE, float(scores.length[0])) + (len(BANDS) + 1) * int(language[0])
        dense, hashed, bias = self._mixture
        mixed = dense[group] * scores.dense[0] + hashed[group] * scores.hashed[0] + bias[group]
        found = alone.answer(mixed, scores, self._numbers_alone[group], self._columns)
        return Outcome(
            probability=found.probability[None],
            intent=np.array((found.intent,)),
            second=np.array((found.second,)),
            scope=np.array((found.scope,), np.float32),
            confidence=np.array((found.confidence,), np.float32),
            in_scope=np.array((found.in_scope,)),
            sentiment=np.array((found.sentiment,), np.float32),
            anger=np.array((found.anger,), np.float32),
            is_angry=np.array((found.is_angry,)),
        )

    def _chances(
        self, mixed: Float32Array, scores: Scores, ranked: Ranked, numbers: Float32Array
    ) -> Float32Array:
        """Give float32 [3, n]: that the text is in scope, that it is angry, that it has a second intent."""
        columns = self._columns
        own = mixed.take((columns.scope, columns.anger, columns.multiple), axis=1).T
        of_scope = ranked.energy, ranked.margin, scores.nearness, scores.length
        signals = np.array((*of_scope, scores.length, *_describe_second(scores, ranked)), np.float32)
        return expit(own + np.add.reduceat(numbers[:9] * signals, _PARTS, axis=0))

    def _mix(self, scores: Scores, group: Int64Array) -> Float32Array:
        dense, hashed, bias = self._mixture
        mixed: Float32Array = dense.take(group, axis=0)
        mixed *= scores.dense
        mixed += hashed.take(group, axis=0) * scores.hashed
        mixed += bias.take(group, axis=0)
        return mixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """What n rows of logits say."""

    probability: Float32Array  # [n, k]
    first: Int64Array  # [n] the most probable
    second: Int64Array  # [n] the runner-up
    highest: Float32Array  # [n] the probability of the first
    energy: Float32Array  # [n] log of the summed exponentials
    margin: Float32Array  # [n] lead of the first over the second


def rank(logits: npt.NDArray[np.floating]) -> Ranked:
    """Give the probabilities of [n, k] logits, k >= 2, and how the first two stand."""
    row = np.arange(len(logits))
    first = logits.argmax(axis=1)
    best = logits[row, first]
    raised = np.exp(logits - best[:, None])
    total = np.add.reduce(raised, axis=1)
    share = 1 / total
    probability = raised * share[:, None]
    raised[row, first] = -1
    second = raised.argmax(axis=1)
    return Ranked(
        probability=probability,
        first=first,
        second=second,
        highest=share,
        energy=best + np.log(total),
        margin=best - logits[row, second],
    )


def _lay_out_mixture(calibration: Calibration, columns: Columns) -> tuple[Float32Array, ...]:
    """Give weights of the dense and the hashed scores, and biases: float32 [l * b, c] each."""
    languages, bands = calibration.intent.shape[:2]
    mixture = np.zeros((3, languages, bands, columns.count))
    mixture[:2, :, :, columns.intent] = np.moveaxis(calibration.intent, 2, 0)[..., None]
    mixture[:2, :, :, columns.scope] = calibration.scope.T[:2, :, None]
    mixture[2, :, :, columns.scope] = calibration.scope[:, 6:]
    mixture[:2, :, :, columns.sentiment] = calibration.sentiment.T[:2, :, None, None]
    mixture[2, :, :, columns.sentiment] = calibration.sentiment[:, None, 2:]
    mixture[:2, :, :, columns.anger] = calibration.anger.T[:2, :, None]
    mixture[2, :, :, columns.anger] = calibration.anger[:, 3:]
    mixture[:2, :, :, columns.multiple] = calibration.second.T[:2, :, None]
    mixture[2, :, :, columns.multiple] = calibration.second[:, 6:]
    return tuple(mixture.reshape(3, languages * bands, columns.count).astype(np.float32))


def find_band(scores: Scores) -> Int64Array:
    """Give int64 [n] in [0, 2]: short, middling or long."""
    return _BOUNDS.searchsorted(scores.length)


def mix_intents(scores: Scores, weights: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, k] logits from [n, 2] weights."""
    return (
        weights[:, :1] * scores.dense[:, columns.intent] + weights[:, 1:2] * scores.hashed[:, columns.intent]
    )


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


def second_signals(scores: Scores, logits: Float64Array, columns: Columns) -> Float64Array:
    """Give float64 [n, 7]: what SECOND_SIGNALS names, from the mixed [n, k] logits of the intents."""
    column = columns.multiple
    own = (scores.dense[:, column], scores.hashed[:, column])
    return np.column_stack((*own, *_describe_second(scores, rank(logits)), np.ones(len(logits))))


def _describe_second(scores: Scores, ranked: Ranked) -> tuple[npt.NDArray[np.floating], ...]:
    row = np.arange(ranked.second.size)
    return ranked.margin, scores.dense[row, ranked.second], scores.hashed[row, ranked.second], scores.length


def anger_signals(scores: Scores, columns: Columns) -> Float64Array:
    """Give float64 [n, 4]: what ANGER_SIGNALS names."""
    column = columns.anger
    one = np.ones(len(scores.length))
    return np.column_stack((scores.dense[:, column], scores.hashed[:, column], scores.length, one))


def softmax(logits: Real) -> Real:
    """Give [n, k], rows that sum to 1."""
    raised = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    raised /= np.add.reduce(raised, axis=1, keepdims=True)
    return raised


def logsumexp(logits: Float64Array) -> Float64Array:
    """Give float64 [n], the log of the summed exponentials of each row."""
    highest = logits.max(axis=1)
    found: Float64Array = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return found


def expit(odds: Real) -> Real:
    """Give the probability of each log-odds."""
    half: Real = np.tanh(odds * np.float32(0.5))
    half += 1
    half *= 0.5
    return half


def log_odds(probability: Real) -> Real:
    """Give log(p / (1 - p)), with p kept off 0 and 1."""
    clipped: Real = np.minimum(np.maximum(probability, _EPSILON), 1 - _EPSILON)
    found: Real = np.log(clipped / (1 - clipped))
    return found
