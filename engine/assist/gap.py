"""What customers ask and no reply answers: what to write next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.domain import OUT_OF_SCOPE

TOGETHER = 0.55  # cosine to a group's middle from which a message belongs to it
POOR = 0.45  # similarity of the best reply below which a message has no good one
_EXAMPLES = 5
_LEAST = 2  # messages that make a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A message that no reply answers well. `embedding` has length 1; `similarity` is of the best reply."""

    text: str
    language: str
    intent: str
    similarity: float
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Messages that mean the same; the most typical are the examples."""

    messages: int
    examples: tuple[str, ...]
    intent: str
    language: str
    similarity: float


def find_gaps(found: Sequence[Unanswered], limit: int) -> list[Gap]:
    """Largest first. Source: leader clustering (Hartigan, 1975), once more around the middles it found."""
    gaps: list[Gap] = []
    for language in sorted({one.language for one in found}):
        of_language = [one for one in found if one.language == language]
        for members in _groups(np.stack([one.embedding for one in of_language])):
            if len(members) >= _LEAST:
                gaps.append(_gap([of_language[row] for row in members]))
    return sorted(gaps, key=lambda gap: (-gap.messages, gap.examples))[:limit]


def _groups(embedding: npt.NDArray[np.float32]) -> list[list[int]]:
    middles = _leaders(embedding)
    nearest = embedding @ middles.T
    best, likeness = nearest.argmax(axis=1), nearest.max(axis=1)
    return [
        [int(row) for row in np.flatnonzero((best == group) & (likeness >= TOGETHER))]
        for group in range(len(middles))
    ]


def _leaders(embedding: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[groups, d], the middle of each, of length 1."""
    sums, lengths = np.zeros_like(embedding), np.ones(len(embedding), dtype=np.float32)
    count = 0
    for vector in embedding:
        likeness = sums[:count] @ vector / lengths[:count]
        best = int(likeness.argmax()) if count else 0
        if not count or likeness[best] < TOGETHER:
            best = count
            count += 1
        sums[best] += vector
        lengths[best] = max(float(np.linalg.norm(sums[best])), 1e-12)
    middles: npt.NDArray[np.float32] = sums[:count] / lengths[:count, np.newaxis]
    return middles


def _gap(members: Sequence[Unanswered]) -> Gap:
    middle = np.sum([one.embedding for one in members], axis=0)
    typical = sorted(members, key=lambda one: (-float(one.embedding @ middle), one.text))
    texts = dict.fromkeys(one.text for one in typical)
    intents = Counter(one.intent for one in members if one.intent != OUT_OF_SCOPE)
    return Gap(
        messages=len(members),
        examples=tuple(texts)[:_EXAMPLES],
        intent=intents.most_common(1)[0][0] if intents else OUT_OF_SCOPE,
        language=members[0].language,
        similarity=max(one.similarity for one in members),
    )
