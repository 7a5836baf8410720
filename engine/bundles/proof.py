"""Whether a bundle reads as a bundle must, before it is let near a customer. It also warms it."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.domain import OUT_OF_SCOPE
from engine.errors import ConflictError
from engine.ports import Classifier, Prediction

TEXTS: Final = ("你好，我的快递到哪了？", "Where is my parcel? I want my money back!", "1", "")
_NEAR: Final = 1e-3


def prove(classifier: Classifier) -> None:
    """Raises: ConflictError saying what the bundle does wrong."""
    missing = {*classifier.intents, OUT_OF_SCOPE} - classifier.skills.keys()
    if missing:
        raise ConflictError(f"bundle {classifier.id} has no skill for {min(missing)}: train it again")
    for texts in (TEXTS, TEXTS[:1], TEXTS * 8):
        try:
            prediction = classifier.predict(texts)
        except Exception as error:  # whatever is wrong with it, it must not serve
            raise ConflictError(
                f"bundle {classifier.id} cannot read ({type(error).__name__}): train it again"
            ) from error
        if fault := _fault(prediction, len(texts), classifier):
            raise ConflictError(f"bundle {classifier.id} reads wrongly: {fault}; train it again")


def _fault(prediction: Prediction, n: int, classifier: Classifier) -> str:
    k, d = len(classifier.intents), classifier.dimension
    columns = {
        "probability": (prediction.probability, (n, k)),
        "confidence": (prediction.confidence, (n,)),
        "sentiment": (prediction.sentiment, (n, 3)),
        "anger": (prediction.anger, (n,)),
        "embedding": (prediction.embedding, (n, d)),
    }
    for name, (column, shape) in columns.items():
        if column.shape != shape:
            return f"{name} has the shape {column.shape}, not {shape}"
        if not np.isfinite(column).all() or np.abs(column).max(initial=0) > 1 + _NEAR:
            return f"{name} is no number from -1 to 1"
    if np.abs(prediction.probability.sum(axis=1) - 1).max() > _NEAR:
        return "probabilities do not sum to 1"
    return ""
