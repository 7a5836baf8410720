"""What meaning, intent and shared words are worth beside each other, chosen on the pack's questions alone.

Each question is asked of heads that never saw its author, and of replies that do not know that author's questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks import assist_unseen
from benchmarks.assist_unseen import Unseen
from engine.assist.block import ReplyVectors
from engine.assist.reader import hedged
from engine.assist.words import Lexicon, shared
from models import crossval

TERMS = ("meaning", "intent", "words")
CANDIDATES = 40  # replies that the fit compares
_RIDGE = 1e-6  # only so that there is one answer
_LISTED = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """n questions against all m replies: what each term says, which reply is right, and the fold of the author."""

    X: Floats  # [n, m, terms], -inf in `meaning` where the language is another
    right: npt.NDArray[np.int64]  # [n]
    fold: npt.NDArray[np.int64]  # [n]


def measure() -> dict[str, object]:
    """Weights fitted on all questions, and how those fitted on other folds rank each fold; without words as well."""
    asked = ask()
    return {
        "questions": len(asked.right),
        "weights_beside_meaning": _ratios(fit(asked, TERMS)),
        "cross_validated": {
            "all terms": _judged(asked, TERMS),
            "no shared words": _judged(asked, TERMS[:2]),
        },
    }


def ask() -> Asked:
    """Read the pack and compare."""
    unseen = assist_unseen.read()
    parts = [(_compare(unseen, number), unseen.asked_in(number), number) for number in range(crossval.FOLDS)]
    return Asked(
        X=np.concatenate([X for X, _, _ in parts]),
        right=np.array([row for _, asked, _ in parts for row, _ in asked]),
        fold=np.array([number for _, asked, number in parts for _ in asked]),
    )


def _compare(unseen: Unseen, fold: int) -> Floats:
    """Of a fold's questions."""
    bundle, replies, asked = unseen.bundle, unseen.replies_without(fold), unseen.asked_in(fold)
    texts = [text for _, text in asked]
    rows = np.array([unseen.place[text] for text in texts], dtype=np.int64)
    vectors = ReplyVectors(encoder=bundle, intents=bundle.intents).of(replies)
    intents = hedged(unseen.outcome.probability[rows].astype(np.float32), ~unseen.outcome.in_scope[rows])
    lexicon = Lexicon(counter=bundle, texts=[text for one in replies for text in one.questions])
    among, everything = lexicon.of_replies(replies), np.arange(len(replies))
    overlap = np.array([shared(lexicon.words([text]), among, everything) for text in texts])
    tongue = np.array([one.language for one in replies])
    same = tongue[[row for row, _ in asked]][:, np.newaxis] == tongue
    meaning = np.where(same, bundle.encode(texts) @ vectors[:, : bundle.dimension].T, -np.inf)
    return np.stack([meaning, intents @ vectors[:, bundle.dimension :].T, overlap], axis=2).astype(np.float64)


def fit(asked: Asked, terms: Sequence[str], rows: npt.NDArray[np.bool_] | None = None) -> Floats:
    """The weights under which the right replies are likeliest among the candidates.

    Source: McFadden, "Conditional logit analysis of qualitative choice behavior" (1974).
    """
    chosen = np.ones(len(asked.right), dtype=np.bool_) if rows is None else rows
    X, right = asked.X[chosen], asked.right[chosen]
    near = np.argsort(-X[:, :, :2].sum(axis=2), axis=1)[:, :CANDIDATES]
    is_right = near == right[:, np.newaxis]
    found = is_right.any(axis=1)
    columns = [TERMS.index(term) for term in terms]
    X = np.take_along_axis(X, near[:, :, np.newaxis], axis=1)[found][:, :, columns]
    is_right = is_right[found]

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = X @ weights
        scores -= scores.max(axis=1, keepdims=True)
        share = np.exp(scores)
        share /= share.sum(axis=1, keepdims=True)
        gradient = np.einsum("nk,nkt->t", share, X) / len(X) - X[is_right].mean(axis=0)
        fault = -float(np.log(share[is_right]).mean())
        return fault + _RIDGE * float(weights @ weights), gradient + 2 * _RIDGE * weights

    weights: Floats = minimize(loss, np.ones(len(columns)), jac=True, method="L-BFGS-B").x
    return weights


def _ratios(weights: Floats) -> dict[str, float]:
    return {term: round(float(one / weights[0]), 2) for term, one in zip(TERMS, weights, strict=True)}


def _judged(asked: Asked, terms: Sequence[str]) -> dict[str, float]:
    places = np.empty(len(asked.right), dtype=np.int64)
    for number in np.unique(asked.fold):
        inside = asked.fold == number
        weights = fit(asked, terms, ~inside)
        scores = asked.X[inside][:, :, [TERMS.index(term) for term in terms]] @ weights
        of_right = scores[np.arange(len(scores)), asked.right[inside]]
        places[inside] = (scores > of_right[:, np.newaxis]).sum(axis=1)
    return {
        "hit_at_1": round(float((places == 0).mean()), 3),
        "hit_at_3": round(float((places < _LISTED).mean()), 3),
    }
