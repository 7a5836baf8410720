"""Break errors down: by intent, by length, and into a list that is worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models import metrics
from models.evaluate import Judged
from models.metrics import Estimate
from models.taxonomy import OUT_OF_SCOPE

Int64Array = npt.NDArray[np.int64]

LENGTHS: Final = (8, 24, 60)  # characters; a bound belongs to the band below it
WORST: Final = 60  # errors listed


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRow:
    """How one intent fares."""

    name: str
    messages: int
    recall: Estimate
    precision: float
    taken_for: str  # the intent it is most often taken for


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A confident error."""

    text: str
    author: str
    label: str
    answer: str
    confidence: float


def by_intent(judged: Judged, intents: Sequence[str]) -> list[IntentRow]:
    """Give one row an intent, the weakest first."""
    rows = [_describe_intent(judged, intents, number) for number in range(len(intents))]
    return sorted(rows, key=lambda row: row.recall.value)


def by_length(judged: Judged) -> dict[str, Estimate]:
    """Give the accuracy of the intent for short and long messages."""
    length = np.array([len(text) for text in judged.examples.texts])
    band = np.searchsorted(LENGTHS, length)
    names = [f"up to {bound}" for bound in LENGTHS] + [f"over {LENGTHS[-1]}"]
    inside = judged.examples.in_scope
    found = {name: np.flatnonzero(inside & (band == number)) for number, name in enumerate(names)}
    return {
        f"{name} characters ({rows.size} messages)": _accuracy(judged, rows)
        for name, rows in found.items()
        if rows.size
    }


def worst(judged: Judged, intents: Sequence[str]) -> list[Mistake]:
    """Give the most confident wrong answers."""
    wrong = np.flatnonzero(~judged.answer_right)
    order = wrong[np.argsort(-judged.outcome.confidence[wrong], kind="stable")][:WORST]
    return [
        Mistake(
            text=judged.examples.texts[row],
            author=str(judged.examples.author[row]),
            label=_name_labels(judged, intents, row),
            answer=intents[judged.intent[row]] if judged.outcome.in_scope[row] else OUT_OF_SCOPE,
            confidence=float(judged.outcome.confidence[row]),
        )
        for row in order
    ]


def confusion(judged: Judged) -> Int64Array:
    """Give int64 [k + 1, k + 1]: label by answer; the last row and column are out of scope."""
    count = judged.examples.labels.shape[1]
    label = np.where(judged.answer_right, judged.intent, judged.examples.labels.argmax(axis=1))
    label = np.where(judged.examples.in_scope, label, count)
    answer = np.where(judged.outcome.in_scope, judged.intent, count)
    flat = np.bincount(label * (count + 1) + answer, minlength=(count + 1) ** 2)
    return flat.reshape(count + 1, count + 1)


def _describe_intent(judged: Judged, intents: Sequence[str], number: int) -> IntentRow:
    mine = np.flatnonzero(judged.examples.labels[:, number])
    taken = judged.intent[mine][~judged.intent_right[mine]]
    said = (judged.intent == number) & judged.examples.in_scope
    other = int(np.bincount(taken).argmax()) if taken.size else number
    return IntentRow(
        name=intents[number],
        messages=mine.size,
        recall=_accuracy(judged, mine),
        precision=metrics.share(judged.intent_right[said]),
        taken_for=intents[other] if other != number else "",
    )


def _accuracy(judged: Judged, rows: Int64Array) -> Estimate:
    right = judged.intent_right[rows]
    return metrics.estimate(lambda chosen: metrics.share(right[chosen]), judged.examples.author[rows])


def _name_labels(judged: Judged, intents: Sequence[str], row: int) -> str:
    names = [intents[number] for number in np.flatnonzero(judged.examples.labels[row]).tolist()]
    return "|".join(names) or OUT_OF_SCOPE
