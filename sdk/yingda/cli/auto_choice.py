"""Which replies may go out alone, and from which confidence on, chosen from judged answers; pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
LEAST = 3  # judged answers without which a reply is never sent alone
_FOLDS = 5
_Z = 1.96  # of a 95 % interval
# What is believed of a reply before anything was judged, as one more judgement: one wrong in four or fewer forbids it.
_PRIOR = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer that somebody judged; `confidence` is what the engine gave it."""

    reply_id: str
    confidence: float
    is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Of answers that had no part in the choice: how many, and the share right with its 95 % interval."""

    min_confidence: float
    answered: int
    precision: float
    low: float
    high: float


def allowed(judged: Sequence[Judged], precision: float) -> list[str]:
    """The replies whose judged answers promise the precision, by id."""
    right: defaultdict[str, int] = defaultdict(int)
    total: defaultdict[str, int] = defaultdict(int)
    for one in judged:
        right[one.reply_id] += one.is_right
        total[one.reply_id] += 1
    return sorted(
        reply_id
        for reply_id, count in total.items()
        if count >= LEAST and (right[reply_id] + _PRIOR) / (count + 1) >= min(precision, _best(count))
    )


def _best(count: int) -> float:
    """What a reply can promise at most after so many answers, all of them right."""
    return (count + _PRIOR) / (count + 1)


def estimates(judged: Sequence[Judged], precision: float) -> list[Estimate]:
    """One per threshold. Every answer is judged by replies that were chosen without it."""
    kept = list(_cross_validated(judged, precision))
    return [estimate([one for one in kept if one.confidence >= least], least) for least in THRESHOLDS]


def lowest(found: Sequence[Estimate], precision: float) -> Estimate | None:
    """The first threshold that keeps the precision."""
    return next((one for one in found if one.answered and one.precision >= precision), None)


def _cross_validated(judged: Sequence[Judged], precision: float) -> Iterator[Judged]:
    for fold in range(_FOLDS):
        others = [one for number, one in enumerate(judged) if number % _FOLDS != fold]
        may = set(allowed(others, precision))
        yield from (one for one in judged[fold::_FOLDS] if one.reply_id in may)


def estimate(answered: Sequence[Judged], least: float) -> Estimate:
    """How many of the answers are right. Source of the interval: Wilson (1927)."""
    n = len(answered)
    if not n:
        return Estimate(min_confidence=least, answered=0, precision=0.0, low=0.0, high=1.0)
    share = sum(one.is_right for one in answered) / n
    middle = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return Estimate(
        min_confidence=least,
        answered=n,
        precision=share,
        low=(middle - spread) / scale,
        high=(middle + spread) / scale,
    )
