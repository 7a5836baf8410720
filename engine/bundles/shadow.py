"""How a bundle that reads along compares with the one that serves."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.bundles.said import Heard
from engine.domain import OUT_OF_SCOPE
from engine.ports import Classifier

BINS: Final = 10
MOST_DISAGREEMENTS: Final = 200  # of a tenant
_MOST_TENANTS: Final = 1000  # whose disagreements are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Messages of one tenth of confidence."""

    low: float
    messages: int
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """What was found so far; shares and means in [0, 1]."""

    bundle_id: str
    messages: int
    shed: int
    agreement: float
    mean_confidence: float
    serving_mean_confidence: float
    out_of_scope: float
    serving_out_of_scope: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A message that is read differently."""

    heard: Heard
    intent: str
    confidence: float


class Shadow:
    """Reads what was answered. `read` is called from one thread; the rest from any."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.shed = 0
        self._sums = np.zeros(6)  # messages, agreements, confidence, theirs, out of scope, theirs
        self._bins = np.zeros((BINS, 2))  # messages, agreements
        self._differing: dict[str, deque[Disagreement]] = {}

    def read(self, heard: Sequence[Heard]) -> None:
        """Read these, and compare."""
        prediction = self.classifier.predict([one.text for one in heard])
        names = self.classifier.intents
        best = prediction.probability.argmax(axis=1).tolist()
        intents = [
            names[place] if inside else OUT_OF_SCOPE
            for place, inside in zip(best, prediction.in_scope.tolist(), strict=True)
        ]
        confidence = prediction.confidence.astype(np.float64)
        same = np.array([one.said.intent == intent for one, intent in zip(heard, intents, strict=True)])
        self._count(heard, intents, same, confidence)
        for row in np.flatnonzero(~same).tolist():
            self._keep(heard[row], intents[row], float(confidence[row]))

    def report(self) -> ShadowReport:
        """So far."""
        count, agreements, confidence, theirs, outside, theirs_outside = self._sums.tolist()
        whole = max(count, 1.0)
        bins = [
            Bin(low=number / BINS, messages=int(messages), agreement=same / messages)
            for number, (messages, same) in enumerate(self._bins.tolist())
            if messages
        ]
        return ShadowReport(
            bundle_id=self.classifier.id,
            messages=int(count),
            shed=self.shed,
            agreement=agreements / whole,
            mean_confidence=confidence / whole,
            serving_mean_confidence=theirs / whole,
            out_of_scope=outside / whole,
            serving_out_of_scope=theirs_outside / whole,
            bins=tuple(bins),
        )

    def disagreements(self, tenant: str) -> list[Disagreement]:
        """The tenant's latest, newest first."""
        return list(reversed(self._differing.get(tenant, ())))

    def forget(self) -> None:
        """Know no text any more; what was counted stays. From the thread that reads."""
        self._differing = {}

    def _count(
        self,
        heard: Sequence[Heard],
        intents: Sequence[str],
        same: npt.NDArray[np.bool_],
        confidence: npt.NDArray[np.float64],
    ) -> None:
        theirs = sum(one.said.confidence for one in heard)
        outside = intents.count(OUT_OF_SCOPE)
        theirs_outside = sum(one.said.is_out_of_scope for one in heard)
        self._sums += (len(heard), same.sum(), confidence.sum(), theirs, outside, theirs_outside)
        place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        np.add.at(self._bins, place, np.column_stack((np.ones(len(heard)), same)))

    def _keep(self, heard: Heard, intent: str, confidence: float) -> None:
        if heard.tenant not in self._differing and len(self._differing) >= _MOST_TENANTS:
            return
        kept = self._differing.setdefault(heard.tenant, deque(maxlen=MOST_DISAGREEMENTS))
        kept.append(Disagreement(heard=heard, intent=intent, confidence=confidence))
