"""What to write next: which intents lack messages, which are confused, and what more messages would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models import crossval
from models.dataset import Examples
from models.encoding import Encoder
from models.fitting import HeadSettings
from models.heads import Columns, Scores
from models.taxonomy import OUT_OF_SCOPE
from models.validation import Validated, make_scorer

ENOUGH: Final = (
    20  # messages of an intent; research on few-shot intents sees little gain per message above it
)
WEAK: Final = 0.8  # recall below which an intent needs care
RISING: Final = 0.03  # recall that the last half of the messages brought
_CONFUSED: Final = 0.15  # share of an intent's messages that one other intent takes
_SHARE: Final = 0.5  # of an intent's messages
_FOLDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentAdvice:
    """One intent; recalls are on messages that were left out of training."""

    intent: str
    messages: int
    recall: float
    recall_with_half: float
    taken_for: str  # the answer it is most often mistaken for, "" if none is
    advice: str  # "" where nothing needs doing


def advise(
    validated: Validated,
    examples: Examples,
    encoder: Encoder,
    intents: Sequence[str],
    counts: Mapping[str, int],
) -> list[IntentAdvice]:
    """Give one line an intent, those that need most first."""
    half = _recalls(examples, encoder, counts, intents)
    lines = [
        _line(validated, intents, place, counts.get(intent, 0), half[place])
        for place, intent in enumerate(intents)
    ]
    return sorted(lines, key=lambda line: (not line.advice, line.recall, line.messages))


def _line(
    validated: Validated, intents: Sequence[str], place: int, count: int, with_half: float
) -> IntentAdvice:
    judged = validated.judged
    rows = np.flatnonzero(judged.examples.labels[:, place])
    answers = np.where(judged.outcome.in_scope, judged.intent, len(intents))[rows]
    wrong = answers[~judged.answer_right[rows]]
    recall = float(judged.answer_right[rows].mean()) if rows.size else 0.0
    often = int(np.bincount(wrong).argmax()) if wrong.size else -1
    share = float((wrong == often).sum() / max(rows.size, 1))
    taken_for = "" if often < 0 else [*intents, OUT_OF_SCOPE][often]
    return IntentAdvice(
        intent=intents[place],
        messages=count,
        recall=recall,
        recall_with_half=with_half,
        taken_for=taken_for,
        advice="; ".join(_say(count, recall, recall - with_half, taken_for if share >= _CONFUSED else "")),
    )


def _say(count: int, recall: float, gained: float, confused_with: str) -> list[str]:
    said = []
    if count < ENOUGH:
        said.append(f"lacks data: write {ENOUGH - count} more, by other people and in other words")
    if confused_with == OUT_OF_SCOPE:
        said.append("often refused as out of scope: write shorter, vaguer and misspelt messages")
    elif confused_with:
        said.append(
            f"confused with {confused_with}: write messages that only one of both can mean, or join them"
        )
    elif recall < WEAK and count >= ENOUGH:
        said.append("mistaken for many: is it one intent? split it, or say it in more ways")
    if gained > RISING and count >= ENOUGH:
        said.append("still learning: more messages pay")
    return said


def _recalls(
    examples: Examples, encoder: Encoder, counts: Mapping[str, int], intents: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Give float64 [k]: the recall with half of each intent's messages."""
    score = make_scorer(examples, encoder, HeadSettings())

    def score_with_half(train: crossval.Int64Array, test: crossval.Int64Array) -> Scores:
        kept = np.ones(train.size, np.bool_)
        for place in range(len(intents)):
            mine = np.flatnonzero(examples.labels[train, place])
            kept[mine[max(round(_SHARE * mine.size), 2) :]] = False
        return score(train[kept], test)

    scores = crossval.score_out_of_fold(examples, score_with_half, folds=_FOLDS)
    everyone = np.arange(len(examples.texts))
    outcome = crossval.calibrate_out_of_fold(
        scores, examples, everyone, Columns(intents=len(intents)), folds=_FOLDS
    )
    right = outcome.in_scope & examples.labels[np.arange(outcome.intent.size), outcome.intent]
    return np.array(
        [
            right[examples.labels[:, place]].mean() if counts.get(one) else 0.0
            for place, one in enumerate(intents)
        ]
    )
