"""Measure calibrated answers against labels, each figure with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import metrics
from models.calibration import Outcome
from models.dataset import Examples, Kind
from models.metrics import Estimate
from models.taxonomy import LANGUAGES, Taxonomy

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Answers beside what is right, n rows."""

    examples: Examples
    outcome: Outcome
    intent: Int64Array  # [n] the most probable intent
    intent_right: BoolArray  # [n] it is one of the labels
    skill_right: BoolArray  # [n] its skill serves one of the labels
    answer_right: BoolArray  # [n] the final answer, out of scope included, is right


def judge(outcome: Outcome, examples: Examples, labels: Taxonomy) -> Judged:
    """Compare n answers with the labels of n examples."""
    skills = np.unique([labels.skills[intent] for intent in labels.intents], return_inverse=True)[1]
    serves = (skills[:, None] == np.arange(skills.max() + 1)).astype(np.float64)
    intent = outcome.intent
    row = np.arange(intent.size)
    right = examples.labels[row, intent]
    return Judged(
        examples=examples,
        outcome=outcome,
        intent=intent,
        intent_right=right,
        skill_right=(examples.labels @ serves > 0)[row, skills[intent]],
        answer_right=np.where(outcome.in_scope, right, ~examples.in_scope),
    )


def measure(judged: Judged) -> dict[str, Estimate]:
    """Give every figure, over all rows and for each language ("intent_accuracy/zh")."""
    table = _all_measures(judged)
    spoken = judged.examples.language
    slices: Mapping[str, BoolArray] = {
        "": np.ones(spoken.size, np.bool_),
        **{f"/{name}": spoken == number for number, name in enumerate(LANGUAGES)},
    }
    return {
        f"{name}{suffix}": _estimate_slice(judged, function, rows)
        for suffix, rows in slices.items()
        if rows.any()
        for name, function in table.items()
    }


def _estimate_slice(judged: Judged, function: Callable[[Int64Array], float], rows: BoolArray) -> Estimate:
    place = np.flatnonzero(rows)
    return metrics.estimate(lambda chosen: function(place[chosen]), judged.examples.author[place])


def _all_measures(judged: Judged) -> dict[str, Callable[[Int64Array], float]]:
    return {
        **_intent_measures(judged),
        **_second_measures(judged),
        **_scope_measures(judged),
        **_mood_measures(judged),
    }


def _intent_measures(judged: Judged) -> dict[str, Callable[[Int64Array], float]]:
    outcome, inside = judged.outcome, judged.examples.in_scope
    first = judged.examples.labels.argmax(axis=1)
    target = np.where(judged.intent_right, judged.intent, first)
    certain = metrics.rank(outcome.confidence)
    return {
        "intent_accuracy": lambda rows: metrics.share(judged.intent_right[rows][inside[rows]]),
        "skill_accuracy": lambda rows: metrics.share(judged.skill_right[rows][inside[rows]]),
        "intent_macro_f1": lambda rows: metrics.macro_f1(
            judged.intent[rows][inside[rows]], target[rows][inside[rows]]
        ),
        "intent_accuracy_at_80": lambda rows: metrics.share_of_most_certain(
            certain[rows][inside[rows]], judged.intent_right[rows][inside[rows]]
        ),
        "answer_accuracy": lambda rows: metrics.share(judged.answer_right[rows]),
        "calibration_error": lambda rows: metrics.calibration_error(
            outcome.confidence[rows], judged.answer_right[rows]
        ),
    }


def _second_measures(judged: Judged) -> dict[str, Callable[[Int64Array], float]]:
    labels, second = judged.examples.labels, judged.outcome.second
    two = labels.sum(axis=1) > 1
    fits = (second >= 0) & labels[np.arange(second.size), second] & judged.intent_right
    alone = judged.examples.in_scope & ~two
    return {
        "both_intents_found": lambda rows: metrics.share(fits[rows][two[rows]]),
        "false_second_intents": lambda rows: metrics.share(second[rows][alone[rows]] >= 0),
    }


def _scope_measures(judged: Judged) -> dict[str, Callable[[Int64Array], float]]:
    inside, said = judged.examples.in_scope, judged.outcome.in_scope
    near = judged.examples.kind == Kind.OOS_NEAR
    likely = metrics.rank(judged.outcome.scope)
    return {
        "scope_auroc": lambda rows: metrics.auroc(likely[rows], inside[rows]),
        "in_scope_kept": lambda rows: metrics.share(said[rows][inside[rows]]),
        "out_of_scope_caught": lambda rows: metrics.share(~said[rows][~inside[rows]]),
        "near_misses_caught": lambda rows: metrics.share(~said[rows][near[rows]]),
    }


def _mood_measures(judged: Judged) -> dict[str, Callable[[Int64Array], float]]:
    angry, outcome = judged.examples.anger, judged.outcome
    mood = outcome.sentiment.argmax(axis=1)
    heated = metrics.rank(outcome.anger)
    return {
        "anger_f1": lambda rows: metrics.f1(outcome.is_angry[rows], angry[rows]),
        "anger_auroc": lambda rows: metrics.auroc(heated[rows], angry[rows]),
        "anger_pr_auc": lambda rows: metrics.pr_auc(heated[rows], angry[rows]),
        "anger_precision_at_80_recall": lambda rows: metrics.precision_at_recall(heated[rows], angry[rows]),
        "sentiment_accuracy": lambda rows: metrics.share(mood[rows] == judged.examples.sentiment[rows]),
        "sentiment_macro_f1": lambda rows: metrics.macro_f1(mood[rows], judged.examples.sentiment[rows]),
    }
