"""What is asked of a shelf: all that is known of the moment, as one vector."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.domain import OUT_OF_SCOPE, AnalysisBatch

Vectors = npt.NDArray[np.float32]

EARLIER = 0.5  # what a customer's message counts beside the one after it
TYPED_MEANING = 0.5  # what the meaning of typed text counts beside that of the customer's messages
TYPED_INTENT = 0.3  # what the intents of typed text count; a word or two says little


def of_messages(analysis: AnalysisBatch) -> Vectors:
    """[n, d + intents + 1]: embedding, probability of each intent, and half where out of scope."""
    refused = np.array([[intent == OUT_OF_SCOPE] for intent in analysis.intents], dtype=np.float32)
    # Below the threshold the engine answers out_of_scope, so the intents count for half.
    probability = analysis.probability * (1 - refused / 2)
    return np.hstack([analysis.embedding, probability, refused / 2])


def of_context(analysis: AnalysisBatch) -> Vectors:
    """[d + intents + 1] for a customer's messages, oldest first: the last counts most."""
    queries = of_messages(analysis)
    weights = EARLIER ** np.arange(len(queries) - 1, -1, -1, dtype=np.float32)
    width = analysis.embedding.shape[1]
    asked = weights @ queries / weights.sum()
    asked[:width] = unit(asked[:width])
    return np.asarray(asked, dtype=np.float32)


def of_typed(analysis: AnalysisBatch) -> Vectors:
    """[d + intents + 1] for what an agent typed, to be added to a context."""
    width = analysis.embedding.shape[1]
    asked: Vectors = of_messages(analysis)[0]
    asked[:width] *= TYPED_MEANING
    asked[width:] *= TYPED_INTENT
    return asked


def unit(vector: Vectors) -> Vectors:
    """The same direction with length 1, or 0."""
    scaled: Vectors = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return scaled
