"""How far messages are from those a bundle was trained on: per language, and per channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.discrepancy import MEASURES, THRESHOLDS, Reference, measure
from models.errors import BundleError
from models.taxonomy import LANGUAGES

WINDOW: Final = 500  # the latest messages that are compared
LEAST: Final = 200  # messages below which nothing is said
ALL: Final = "all"  # channels
_ADVICE: Final = {
    "embedding": "customers write about other things",
    "confidence": "the bundle is surer or less sure than it was in training",
    "intents": "customers ask for other things, or as often as they did not in training",
    "discrepancy": "customers write about other things",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """The latest messages of one language and channel against the training. Indexes are 0 where nothing differs."""

    language: str
    channel: str
    messages: int
    embedding: float  # population stability index, mean over the reference's directions
    confidence: float  # population stability index
    intents: float  # population stability index
    discrepancy: float  # squared maximum mean discrepancy
    reason: str  # "" unless one passes its threshold


@dataclass(slots=True)
class _Window:
    embedding: deque[npt.NDArray[np.float32]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    confidence: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    answer: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))


class Meter:
    """Follows messages. `add` is called from one thread, `gauges` from any."""

    def __init__(self, bundle: Bundle, reference: Reference) -> None:
        self._bundle = bundle
        self._reference = reference
        self._windows: dict[tuple[int, str], _Window] = {}
        self._lock = Lock()

    def add(self, channels: Sequence[str], texts: Sequence[str]) -> None:
        """Read messages, by column."""
        prediction = self._bundle.predict(texts)
        outside = len(self._bundle.intents)
        answer = np.where(prediction.in_scope, prediction.intent, outside)
        with self._lock:
            for row, channel in enumerate(channels):
                for place in {channel, ALL}:
                    window = self._windows.setdefault((int(prediction.language[row]), place), _Window())
                    window.embedding.append(prediction.embedding[row])
                    window.confidence.append(float(prediction.confidence[row]))
                    window.answer.append(int(answer[row]))

    def gauges(self) -> list[Gauge]:
        """By language and channel, those with enough messages."""
        with self._lock:
            columns = [
                (key, np.array(one.embedding), np.array(one.confidence), np.array(one.answer))
                for key, one in sorted(self._windows.items())
                if len(one.answer) >= LEAST
            ]
        return [self._gauge(*key, *rest) for key, *rest in columns if self._reference.knows(key[0])]

    def _gauge(
        self,
        language: int,
        channel: str,
        embedding: npt.NDArray[np.float32],
        confidence: npt.NDArray[np.float64],
        answer: npt.NDArray[np.int64],
    ) -> Gauge:
        values = measure(self._reference, language, embedding, confidence, answer)
        return Gauge(
            language=LANGUAGES[language],
            channel=channel,
            messages=answer.size,
            **dict(zip(MEASURES, values, strict=True)),
            reason=explain(values, self._reference.thresholds[language].tolist()),
        )


def explain(values: Sequence[float], thresholds: Sequence[float]) -> str:
    """What passes its threshold, and what to do; "" where nothing does."""
    passed = [
        f"{name} {value:.3f} (threshold {bound:.3f}: {_ADVICE[name]})"
        for name, value, bound in zip(MEASURES, values, thresholds, strict=True)
        if value > bound
    ]
    return "; ".join(passed) + ": label some of them and train again" if passed else ""


def open_meter(bundle: Bundle, folder: Path) -> Meter | None:
    """The bundle's meter; None where it does not tell what it was trained on. Raises: BundleError."""
    reference = Reference.load(folder)
    if reference is None:
        return None
    wanted = (len(LANGUAGES), len(bundle.intents) + 1), bundle.dimension, (len(LANGUAGES), THRESHOLDS)
    if (reference.answers.shape, reference.directions.shape[0], reference.thresholds.shape) != wanted:
        raise BundleError(f"{folder}: the reference does not fit the labels; train the bundle again")
    return Meter(bundle, reference)
