"""Learning curves: what more authors would bring, and for which intents most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models import crossval, fusion
from models.calibration import Calibrator
from models.dataset import Examples
from models.encoding import Encoder
from models.fitting import HeadSettings
from models.heads import Columns, Scores
from models.validation import make_scorer

SHARES: Final = (0.25, 0.5, 1.0)  # of the training authors
FOLDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracy on unseen authors for growing numbers of training authors."""

    authors: tuple[int, ...]
    accuracy: tuple[float, ...]
    by_intent: npt.NDArray[np.float64]  # [points, k]


def draw(examples: Examples, encoder: Encoder, settings: HeadSettings) -> Curve:
    """Train on a growing share of the training authors of each fold."""
    points = [_measure(examples, encoder, settings, share) for share in SHARES]
    names = np.unique(examples.author).size * (FOLDS - 1) / FOLDS
    return Curve(
        authors=tuple(max(round(share * names), 1) for share in SHARES),
        accuracy=tuple(accuracy for accuracy, _ in points),
        by_intent=np.array([recalls for _, recalls in points]),
    )


def _measure(
    examples: Examples, encoder: Encoder, settings: HeadSettings, share: float
) -> tuple[float, npt.NDArray[np.float64]]:
    score = make_scorer(examples, encoder, settings)

    def score_with_fewer(train: crossval.Int64Array, test: crossval.Int64Array) -> Scores:
        names = np.unique(examples.author[train])
        kept = names[: max(round(share * names.size), 1)]
        return score(train[np.isin(examples.author[train], kept)], test)

    scores = crossval.score_out_of_fold(examples, score_with_fewer, folds=FOLDS)
    columns = Columns(intents=examples.labels.shape[1])
    calibrator = Calibrator(fusion.fit(scores, examples, columns), columns)
    outcome = calibrator.apply(scores, examples.language)
    right = examples.labels[np.arange(len(examples.texts)), outcome.intent]
    recalls = [right[examples.labels[:, intent]].mean() for intent in range(columns.intents)]
    return float(right[examples.in_scope].mean()), np.array(recalls)
