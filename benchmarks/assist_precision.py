"""How often the engine would be right if it answered alone: which confidence gives which precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import benchmarks.assist_desk as desk
import models.bundle
from benchmarks.assist_desk import TENANT, Case
from engine.analysis.analyzer import Analyzer
from engine.assist import auto_reply
from engine.assist.auto_reply import Policy
from engine.assist.wanted import Wanted
from engine.bootstrap import SHIPPED_BUNDLE
from engine.domain import OUT_OF_SCOPE, AutoReplyDecision

_CONFIDENCES = (0.8, 0.9, 0.95, 0.98, 0.99)
_SIMILARITIES = (0.3, 0.4, 0.5, 0.6)
_Z = 1.96


def measure(cases: Sequence[Case]) -> list[dict[str, float]]:
    """For each pair of thresholds: share of cases answered, and how many of these rightly, with the Wilson low end.

    Slots count as filled: what is asked is whether the reply is the right one.
    """
    bundle = models.bundle.load(SHIPPED_BUNDLE)
    analysis = Analyzer(classifier=bundle).analyze([case.messages[-1] for case in cases])
    with desk.opened() as assist:
        found = [
            assist.suggester.suggest(
                TENANT, Wanted(messages=case.messages[-1:], language=case.language, limit=3)
            ).suggestions
            for case in cases
        ]
    filled = [
        [replace(one, reply=replace(one.reply, slots=())) for one in suggestions] for suggestions in found
    ]
    policy = Policy(enabled=True, intents=tuple(one for one in bundle.intents if one != OUT_OF_SCOPE))
    rows = []
    for confidence in _CONFIDENCES:
        for similarity in _SIMILARITIES:
            strict = replace(policy, min_confidence=confidence, min_similarity=similarity)
            decisions = [auto_reply.decide(strict, analysis, row, filled[row]) for row in range(len(cases))]
            sent = [
                one.reply_id in case.right
                for one, case in zip(decisions, cases, strict=True)
                if one.decision is AutoReplyDecision.SENT
            ]
            rows.append({"confidence": confidence, "similarity": similarity, **_precision(sent, len(cases))})
    return rows


def _precision(right: Sequence[bool], total: int) -> dict[str, float]:
    """Source: Wilson (1927), the score interval."""
    n = len(right)
    if not n:
        return {"answered": 0.0, "precision": 0.0, "precision_low": 0.0}
    share = float(np.mean(right))
    middle = share + _Z**2 / (2 * n)
    spread = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low = float((middle - spread) / (1 + _Z**2 / n))
    return {
        "answered": round(n / total, 3),
        "precision": round(share, 3),
        "precision_low": round(low, 3),
    }
