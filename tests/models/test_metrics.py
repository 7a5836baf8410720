from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from models import metrics

RNG = np.random.default_rng(0)
TARGET = RNG.random(400) < 0.3
SCORE = np.round(RNG.random(400) + np.where(TARGET, 0.4, 0.0), 2)  # with ties


def test_ranking_measures_equal_those_of_scikit_learn() -> None:
    assert metrics.auroc(SCORE, TARGET) == pytest.approx(roc_auc_score(TARGET, SCORE))
    assert metrics.pr_auc(SCORE, TARGET) == pytest.approx(average_precision_score(TARGET, SCORE))


def test_f1_equals_that_of_scikit_learn() -> None:
    said, truth = RNG.integers(5, size=300), RNG.integers(5, size=300)

    assert metrics.macro_f1(said, truth) == pytest.approx(f1_score(truth, said, average="macro"))
    assert metrics.f1(said > 2, truth > 2) == pytest.approx(f1_score(truth > 2, said > 2))


def test_what_is_not_defined_is_nan() -> None:
    assert np.isnan(metrics.auroc(SCORE, np.ones(400, np.bool_)))
    assert np.isnan(metrics.share(np.zeros(0, np.bool_)))


def test_calibrated_confidence_has_a_small_error() -> None:
    confidence = RNG.random(20_000)
    hits = RNG.random(20_000) < confidence

    assert metrics.calibration_error(confidence, hits) < 0.02
    assert metrics.calibration_error(np.full(20_000, 0.9), hits) == pytest.approx(0.4, abs=0.02)


def test_an_interval_covers_the_value_and_grows_with_fewer_groups() -> None:
    hits = RNG.random(1000) < 0.8
    few = metrics.estimate(lambda rows: metrics.share(hits[rows]), np.repeat(["a", "b"], 500))
    many = metrics.estimate(lambda rows: metrics.share(hits[rows]), np.arange(1000).astype(np.str_))

    assert many.low < many.value < many.high
    assert few.value == many.value


def test_ranks_measure_as_the_scores_do() -> None:
    ranks = metrics.rank(SCORE)

    assert ranks.itemsize < SCORE.itemsize
    for measure in (
        metrics.auroc,
        metrics.pr_auc,
        metrics.precision_at_recall,
        metrics.share_of_most_certain,
    ):
        assert measure(ranks, TARGET) == measure(SCORE, TARGET)
