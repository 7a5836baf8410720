"""Reads journaled messages once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from engine.analysis.analyzer import Analyzer
from engine.domain import AnalysisBatch
from engine.timeline.recorded import Told

_TOLERANCE: Final = 1e-3  # of probabilities: less is how a machine adds
_LISTS: Final = ("intents", "skills", "languages", "confidence", "sentiments", "anger", "is_angry")


class Rereader:
    """Reads with one bundle.

    What was read by this very bundle, and reads the same still, is taken as it is journaled, to the last digit; so is a
    text that was taken out.
    """

    def __init__(self, *, analyzer: Analyzer, bundle_id: str) -> None:
        self._analyzer = analyzer
        self._bundle_id = bundle_id

    def read(self, told: Told) -> AnalysisBatch:
        """One row per message."""
        new = self._analyzer.analyze(told.batch.texts, told.batch.locales)
        rows = range(len(told.batch))
        taken = [not told.batch.texts[row] or self._reads_the_same(new, told, row) for row in rows]
        if all(taken):
            return told.analysis
        return _chosen(new, told.analysis, taken) if any(taken) else new

    def _reads_the_same(self, new: AnalysisBatch, told: Told, row: int) -> bool:
        old = told.analysis
        same_names = all(
            getattr(new, name)[row] == getattr(old, name)[row] for name in ("intents", "skills", "languages")
        )
        near = max(abs(new.confidence[row] - old.confidence[row]), abs(new.anger[row] - old.anger[row]))
        return told.bundle_ids[row] == self._bundle_id and same_names and near <= _TOLERANCE


def _chosen(new: AnalysisBatch, old: AnalysisBatch, taken: Sequence[bool]) -> AnalysisBatch:
    """The old row where it is taken, else the new one."""
    width = max(new.candidates.shape[1], old.candidates.shape[1])
    pairs: dict[str, Any] = {
        name: [
            o if keep else n for n, o, keep in zip(getattr(new, name), getattr(old, name), taken, strict=True)
        ]
        for name in _LISTS
    }
    mask = np.array(taken)[:, np.newaxis]
    return replace(
        new,
        intent_names=[*new.intent_names, *old.intent_names],
        skill_of={**old.skill_of, **new.skill_of},
        candidates=np.where(
            mask, _padded(old.candidates, width) + len(new.intent_names), _padded(new.candidates, width)
        ),
        candidate_confidence=np.where(
            mask, _padded(old.candidate_confidence, width), _padded(new.candidate_confidence, width)
        ),
        **pairs,
    )


def _padded(columns: Any, width: int) -> Any:  # noqa: ANN401  # of either type
    """With as many candidates as asked; those that are missing are the first, with a probability of 0."""
    return np.pad(columns, ((0, 0), (0, width - columns.shape[1])))
