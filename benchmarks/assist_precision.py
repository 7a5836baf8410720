"""How often the engine would be right if it answered alone: which confidence, and which replies, give which precision.

`auto_reply_cases.csv` holds answers that were judged by hand: right is what an agent could have sent as it is, so what
asks for something the message says, or claims what nobody knows, is wrong. `drawn` is the share of answers alike that
were judged.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from yingda.cli import auto_choice
from yingda.cli.auto_choice import Judged

from benchmarks import assist_unseen
from benchmarks.assist_unseen import Unseen
from benchmarks.texts import PACK
from engine.assist.auto_reply import HUMAN, Policy, features, probability
from engine.assist.block import ReplyVectors
from engine.assist.reader import hedged
from engine.domain import Reply, Suggestion
from models import crossval

CASES = PACK / "auto_reply_cases.csv"
PRECISION = 0.98
_THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer that was judged."""

    is_right: bool
    drawn: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The best reply to an unseen message, where only the confidence could stand against sending it."""

    text: str
    reply: Reply
    features: tuple[float, float]

    @property
    def confidence(self) -> float:
        """As the engine gives it."""
        return probability(*self.features)


def read_cases() -> dict[tuple[str, str], Case]:
    """By text and reply."""
    with CASES.open(encoding="utf-8", newline="") as lines:
        return {
            (row["text"], row["reply_id"]): Case(is_right=row["right"] == "1", drawn=float(row["drawn"]))
            for row in csv.DictReader(lines)
        }


def measure() -> dict[str, object]:
    """Precision by confidence over all replies, and over those that judged answers allow, chosen without each."""
    unseen, cases = assist_unseen.read(), read_cases()
    writers = {unseen.examples.author[unseen.place[text]] for text, _ in cases if text in unseen.place}
    rows = np.flatnonzero(np.isin(unseen.examples.author, list(writers)))
    answers = [one for fold in range(crossval.FOLDS) for one in _answers(unseen, fold, rows)]
    known = [(one, cases[one.text, one.reply.reply_id]) for one in answers if _key(one) in cases]
    judged = [
        Judged(reply_id=one.reply.reply_id, confidence=one.confidence, is_right=case.is_right)
        for one, case in known
    ]
    return {
        "messages": len(rows),
        "could_be_sent": len(answers),
        "judged": len(judged),
        "fit": _fit(known),
        "all_replies": [_precision(answers, judged, least, len(rows)) for least in _THRESHOLDS],
        "chosen_replies": [asdict(one) for one in auto_choice.estimates(judged, PRECISION)],
    }


def _key(answer: Answer) -> tuple[str, str]:
    return answer.text, answer.reply.reply_id


def _answers(unseen: Unseen, fold: int, rows: npt.NDArray[np.int64]) -> list[Answer]:
    """To the messages of the rows that are in the fold, as the pipeline would choose them."""
    inside = rows[unseen.fold[rows] == fold]
    if not len(inside):
        return []
    replies, bundle = unseen.replies_without(fold), unseen.bundle
    vectors = ReplyVectors(encoder=bundle, intents=bundle.intents).of(replies)
    texts = [unseen.examples.texts[row] for row in inside]
    meaning = bundle.encode(texts) @ vectors[:, : bundle.dimension].T
    intents = hedged(unseen.outcome.probability[inside].astype(np.float32), ~unseen.outcome.in_scope[inside])
    scores = meaning + intents @ vectors[:, bundle.dimension :].T
    english = np.array([one.language == "en" for one in replies])
    scores[(unseen.examples.language[inside] == 1)[:, np.newaxis] != english] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :2]
    found = []
    for number, row in enumerate(inside):
        two = [
            Suggestion(
                reply=replies[one], score=float(scores[number, one]), similarity=float(meaning[number, one])
            )
            for one in best[number]
        ]
        if _could_be_sent(unseen, int(row), two[0]):
            confidence = float(unseen.outcome.confidence[row])
            found.append(Answer(text=texts[number], reply=two[0].reply, features=features(confidence, two)))
    return found


def _could_be_sent(unseen: Unseen, row: int, best: Suggestion) -> bool:
    policy, outcome = Policy(), unseen.outcome
    intent = unseen.bundle.intents[int(outcome.probability[row].argmax())]
    return (
        bool(outcome.in_scope[row])
        and intent != HUMAN
        and best.reply.intent == intent
        and not best.reply.slots
        and best.similarity >= policy.min_similarity
        and outcome.anger[row] <= policy.max_anger
        and not outcome.is_angry[row]
    )


def _fit(known: Sequence[tuple[Answer, Case]]) -> dict[str, object]:
    X = np.array([one.features for one, _ in known])
    y = np.array([case.is_right for _, case in known])
    weight = np.array([1 / case.drawn for _, case in known])
    model = LogisticRegression(C=10.0).fit(X, y, sample_weight=weight)
    return {
        "weights": [round(float(one), 3) for one in model.coef_[0]],
        "bias": round(float(model.intercept_[0]), 3),
    }


def _precision(
    answers: Sequence[Answer], judged: Sequence[Judged], least: float, messages: int
) -> dict[str, object]:
    """Of those judged; `answered` of all messages."""
    above = [one for one in judged if one.confidence >= least]
    estimate = auto_choice.estimate(above, least)
    answered = sum(one.confidence >= least for one in answers)
    return {**asdict(estimate), "answered": round(answered / messages, 3), "judged": len(above)}
