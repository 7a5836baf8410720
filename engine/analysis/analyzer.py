"""A bundle's prediction, in the engine's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain import OUT_OF_SCOPE, AnalysisBatch
from engine.ports import Classifier, Predictor

LANGUAGES = ("zh", "en")  # what Prediction.language indexes
CANDIDATES = 3


class Analyzer:
    """Reads batches of texts with one classifier; `memory` remembers what it said."""

    def __init__(self, *, classifier: Classifier, memory: Predictor | None = None) -> None:
        self.classifier = classifier
        self._predictor = memory or classifier

    def analyze(self, texts: Sequence[str], locales: Sequence[str] = ()) -> AnalysisBatch:
        """One row per text; a text is read the same alone or in any batch.

        A locale that names a language we know says the language, otherwise the text does; give none or one per text.
        """
        prediction = self._predictor.predict(texts)
        names = self.classifier.intents
        candidates = _best(prediction.probability, min(CANDIDATES, len(names)))
        intents = [
            names[best] if scope else OUT_OF_SCOPE
            for best, scope in zip(candidates[:, 0].tolist(), prediction.in_scope.tolist(), strict=True)
        ]
        return AnalysisBatch(
            bundle_id=self.classifier.id,
            intent_names=names,
            skill_of=self.classifier.skills,
            intents=intents,
            skills=[self.classifier.skills[intent] for intent in intents],
            languages=_languages(prediction.language.tolist(), locales),
            confidence=prediction.confidence.tolist(),
            candidates=candidates,
            candidate_confidence=prediction.probability[
                np.arange(len(candidates))[:, np.newaxis], candidates
            ],
            sentiments=prediction.sentiment.argmax(axis=1).tolist(),
            anger=prediction.anger.tolist(),
            is_angry=prediction.is_angry.tolist(),
            probability=prediction.probability,
            embedding=prediction.embedding,
        )


def _languages(codes: Sequence[int], locales: Sequence[str]) -> list[str]:
    read = [LANGUAGES[code] for code in codes]
    if not any(locales):
        return read
    return [_language(locale) or one for one, locale in zip(read, locales, strict=True)]


def _language(locale: str) -> str:
    """The language of a BCP 47 tag, "" where it is none of ours."""
    language = locale[:2].lower()
    return language if language in LANGUAGES and locale[2:3] in ("", "-", "_") else ""


def _best(
    probability: np.ndarray[tuple[int, int], np.dtype[np.float32]], k: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Columns of the `k` largest values of each row, best first, ties by column; values are 0 or more."""
    left, row = probability.copy(), np.arange(len(probability))
    found = np.empty((len(probability), k), dtype=np.int64)
    for place in range(k):
        found[:, place] = left.argmax(axis=1)
        left[row, found[:, place]] = -1.0
    return found
