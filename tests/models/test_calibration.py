from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from models import calibration, fusion
from models.calibration import BANDS, Calibration, Calibrator, Outcome
from models.heads import Columns, Scores

N, COLUMNS = 200, Columns(intents=6)
RNG = np.random.default_rng(0)
LANGUAGE = RNG.integers(0, 2, N)
SCORES = Scores(
    dense=RNG.normal(size=(N, COLUMNS.count)).astype(np.float32),
    hashed=RNG.normal(size=(N, COLUMNS.count)).astype(np.float32),
    nearness=RNG.uniform(-1, 1, N).astype(np.float32),
    length=RNG.uniform(0, 8, N).astype(np.float32),
)
CALIBRATION = Calibration(
    intent=RNG.uniform(1, 3, (2, len(BANDS) + 1, 2)),
    second=RNG.normal(size=(2, 7)),
    second_threshold=np.array([0.2, 0.3]),
    scope=RNG.normal(size=(2, 7)),
    scope_threshold=np.array([0.4, 0.6]),
    sentiment=RNG.normal(size=(2, 5)),
    anger=RNG.normal(size=(2, 4)),
    anger_threshold=np.array([0.3, 0.5]),
    answer=RNG.normal(size=(2, len(BANDS) + 1, 2)),
)


def test_what_is_served_is_what_the_formulas_say() -> None:
    band = calibration.find_band(SCORES)
    logits = calibration.mix_intents(SCORES, CALIBRATION.intent[LANGUAGE, band], COLUMNS)
    signals = calibration.scope_signals(SCORES, logits, COLUMNS)
    angry = calibration.anger_signals(SCORES, COLUMNS)
    weights, mood = CALIBRATION.sentiment[LANGUAGE], COLUMNS.sentiment
    mixed = weights[:, :1] * SCORES.dense[:, mood] + weights[:, 1:2] * SCORES.hashed[:, mood] + weights[:, 2:]

    outcome = Calibrator(CALIBRATION, COLUMNS).apply(SCORES, LANGUAGE)

    second = (calibration.second_signals(SCORES, logits, COLUMNS) * CALIBRATION.second[LANGUAGE]).sum(axis=1)
    meant = calibration.expit(second) >= CALIBRATION.second_threshold[LANGUAGE]
    assert outcome.second.tolist() == np.where(meant, logits.argsort(axis=1)[:, -2], -1).tolist()
    assert outcome.probability == pytest.approx(calibration.softmax(logits), abs=1e-5)
    assert outcome.scope == pytest.approx(
        calibration.expit((signals * CALIBRATION.scope[LANGUAGE]).sum(axis=1)), abs=1e-5
    )
    assert outcome.anger == pytest.approx(
        calibration.expit((angry * CALIBRATION.anger[LANGUAGE]).sum(axis=1)), abs=1e-5
    )
    assert outcome.sentiment == pytest.approx(calibration.softmax(mixed), abs=1e-5)


def test_confidence_is_that_of_the_answer_given() -> None:
    outcome = Calibrator(CALIBRATION, COLUMNS).apply(SCORES, LANGUAGE)

    answer = np.where(outcome.in_scope, outcome.scope * outcome.probability.max(axis=1), 1 - outcome.scope)
    slope, bias = CALIBRATION.answer[LANGUAGE, calibration.find_band(SCORES)].T
    assert outcome.confidence == pytest.approx(
        calibration.expit(slope * calibration.log_odds(answer) + bias), abs=1e-5
    )
    assert outcome.in_scope.tolist() == (outcome.scope >= CALIBRATION.scope_threshold[LANGUAGE]).tolist()


def test_a_text_alone_is_answered_as_in_a_batch() -> None:
    calibrator = Calibrator(CALIBRATION, COLUMNS)
    batch = calibrator.apply_batch(SCORES, LANGUAGE)

    for row in range(N):
        one = calibrator.apply(fusion.take(SCORES, np.array([row])), LANGUAGE[row : row + 1])
        for field in fields(Outcome):
            value, wanted = getattr(one, field.name), getattr(batch, field.name)[row : row + 1]
            assert value.dtype == wanted.dtype
            # 32 bits hold a probability near 1 coarsely, and its log-odds more so
            assert value == pytest.approx(wanted, abs=1e-3 if field.name == "confidence" else 1e-6)
