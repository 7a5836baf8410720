"""One text's mixed scores to probabilities in plain numbers: numpy's calls would cost more than the work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.heads import Columns, Scores

Float32Array = npt.NDArray[np.float32]

_EPSILON = 1e-6


class Answer(NamedTuple):
    """What `calibration.Outcome` holds, of one text."""

    probability: Float32Array  # [k]
    intent: int
    second: int  # -1: none
    scope: float
    confidence: float
    in_scope: bool
    sentiment: list[float]  # [3]
    anger: float
    is_angry: bool


class _Ranked(NamedTuple):
    """As `calibration.Ranked`."""

    probability: Float32Array  # [k]
    first: int
    second: int
    highest: float
    energy: float
    margin: float


def answer(mixed: Float32Array, scores: Scores, numbers: Sequence[float], columns: Columns) -> Answer:
    """Give what `calibration.Calibrator` says of [c] mixed scores and the `scores` of one text.

    `numbers` are those of its language and length, in the calibrator's order.
    """
    ranked = _rank(mixed[columns.intent])
    length, nearness = float(scores.length[0]), float(scores.nearness[0])
    dense, hashed = float(scores.dense[0, ranked.second]), float(scores.hashed[0, ranked.second])
    energy, margin = ranked.energy, ranked.margin
    w = numbers
    of_scope = w[0] * energy + w[1] * margin + w[2] * nearness + w[3] * length
    of_second = w[5] * margin + w[6] * dense + w[7] * hashed + w[8] * length
    scope = _expit(float(mixed[columns.scope]) + of_scope)
    anger = _expit(float(mixed[columns.anger]) + w[4] * length)
    in_scope = scope >= w[11]
    right = scope * ranked.highest if in_scope else 1 - scope
    return Answer(
        probability=ranked.probability,
        intent=ranked.first,
        second=ranked.second if _expit(float(mixed[columns.multiple]) + of_second) >= w[13] else -1,
        scope=scope,
        confidence=_expit(w[9] * _log_odds(right) + w[10]),
        in_scope=in_scope,
        sentiment=_softmax(mixed[columns.sentiment].tolist()),
        anger=anger,
        is_angry=anger >= w[12],
    )


def _rank(logits: Float32Array) -> _Ranked:
    listed: list[float] = logits.tolist()
    best = max(listed)
    first = listed.index(best)
    raised = np.exp(logits - logits[first])
    total = float(np.add.reduce(raised))
    listed[first] = -math.inf
    runner_up = max(listed)
    return _Ranked(
        probability=raised / np.float32(total),
        first=first,
        second=listed.index(runner_up),
        highest=1 / total,
        energy=best + math.log(total),
        margin=best - runner_up,
    )


def _softmax(logits: Sequence[float]) -> list[float]:
    highest = max(logits)
    raised = [math.exp(logit - highest) for logit in logits]
    total = sum(raised)
    return [one / total for one in raised]


def _expit(odds: float) -> float:
    return 0.5 * (math.tanh(0.5 * odds) + 1)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _EPSILON), 1 - _EPSILON)
    return math.log(kept / (1 - kept))
