"""How often the engine would be right if it answered alone: which confidence gives which precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

import benchmarks.assist_desk as desk
import models.bundle
from benchmarks.assist_desk import TENANT, Case
from benchmarks.assist_quality import is_held_out
from engine.analysis.analyzer import Analyzer
from engine.assist.assembly import Assist
from engine.assist.auto_reply import features, probability
from engine.assist.wanted import Wanted
from engine.bootstrap import SHIPPED_BUNDLE

_THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Sample:
    """Features [n, 2] of the best replies to n messages, and whether each is right."""

    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.bool_]


def measure(cases: Sequence[Case]) -> dict[str, object]:
    """Fit on one half of the case file, judge on the other: texts that the bundle never learned from."""
    with desk.opened() as assist:
        fitted = _sample(assist, [case for case in cases if not is_held_out(case)])
        judged = _sample(assist, [case for case in cases if is_held_out(case)])
    model = LogisticRegression(C=10.0).fit(fitted.X, fitted.y)
    confidence = np.array([probability(*row) for row in judged.X])
    return {
        "fitted_on": len(fitted.y),
        "fit": {
            "weights": [round(float(one), 3) for one in model.coef_[0]],
            "bias": round(float(model.intercept_[0]), 3),
        },
        "judged_on": len(judged.y),
        "expected_calibration_error": round(_calibration_error(confidence, judged.y), 3),
        "thresholds": [
            {"min_confidence": threshold, **_precision(judged.y[confidence >= threshold], len(judged.y))}
            for threshold in _THRESHOLDS
        ],
    }


def _sample(assist: Assist, cases: Sequence[Case]) -> Sample:
    """Only messages whose best reply has the intent that was read: else nothing is sent anyhow."""
    bundle = models.bundle.load(SHIPPED_BUNDLE)
    analysis = Analyzer(classifier=bundle).analyze([case.messages[-1] for case in cases])
    rows, right = [], []
    for row, case in enumerate(cases):
        wanted = Wanted(messages=case.messages[-1:], language=case.language, limit=3)
        found = assist.suggester.suggest(TENANT, wanted).suggestions
        if found and found[0].reply.intent == analysis.intents[row]:
            rows.append(features(analysis.confidence[row], found))
            right.append(found[0].reply.reply_id in case.right)
    return Sample(np.array(rows), np.array(right))


def _calibration_error(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """In ten equally wide bins. Source: Naeini, Cooper and Hauskrecht (2015)."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(confidence[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in np.unique(bins)
    ]
    return float(sum(gaps))


def _precision(right: npt.NDArray[np.bool_], total: int) -> dict[str, float]:
    """Share answered, share right of these, and its Wilson low end. Source: Wilson (1927)."""
    n = len(right)
    if not n:
        return {"answered": 0.0, "precision": 0.0, "precision_low": 0.0}
    share = float(right.mean())
    middle = share + _Z**2 / (2 * n)
    spread = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return {
        "answered": round(n / total, 3),
        "precision": round(share, 3),
        "precision_low": round(float((middle - spread) / (1 + _Z**2 / n)), 3),
    }
