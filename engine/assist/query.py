"""What is asked of a shelf: all that is known of the moment, as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import LANGUAGES, Analyzer
from engine.assist import pinyin
from engine.assist.wanted import Wanted
from engine.domain import OUT_OF_SCOPE, AnalysisBatch

Vectors = npt.NDArray[np.float32]

EARLIER = 0.5  # what a customer's message counts beside the one after it
TYPED_MEANING = 0.5  # what the meaning of typed text counts beside that of the customer's messages
TYPED_INTENT = 0.1  # what the intents of typed text count; a word or two says little


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A vector [d + intents + 1], the shelves to ask, and what was read on the way."""

    vector: Vectors
    languages: Sequence[str]
    intent: str
    bundle_id: str
    meaning: Vectors  # [d], of length 1 or 0: the embedding part alone


def read(analyzer: Analyzer, wanted: Wanted) -> Query:
    """From what the customer said and what the agent typed; either may be missing.

    The language asked for wins, then that of the customer's last message, then that of the typed text; letters alone
    may be a word or the pinyin of one, so both shelves are asked.
    """
    messages = [text for text in wanted.messages if text.strip()]
    analysis = analyzer.analyze([*messages, wanted.typed] if wanted.typed or not messages else messages)
    rows = of_messages(analysis)
    width = analysis.embedding.shape[1]
    said = len(messages)
    languages = _languages(wanted, analysis, said)
    vector = _context(rows[:said], width) if said else np.zeros(rows.shape[1], dtype=np.float32)
    if said < len(rows) and not _is_pinyin(wanted.typed, languages):
        vector += _typed(rows[said], width)
    return Query(
        vector=vector,
        languages=languages,
        intent=analysis.intents[max(said - 1, 0)],
        bundle_id=analysis.bundle_id,
        meaning=unit(vector[:width]),
    )


def of_messages(analysis: AnalysisBatch) -> Vectors:
    """[n, d + intents + 1]: embedding, probability of each intent, and half where out of scope."""
    refused = np.array([[intent == OUT_OF_SCOPE] for intent in analysis.intents], dtype=np.float32)
    # Below the threshold the engine answers out_of_scope, so the intents count for half.
    probability = analysis.probability * (1 - refused / 2)
    return np.hstack([analysis.embedding, probability, refused / 2])


def unit(vector: Vectors) -> Vectors:
    """The same direction with length 1, or 0."""
    scaled: Vectors = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return scaled


def _languages(wanted: Wanted, analysis: AnalysisBatch, said: int) -> Sequence[str]:
    if wanted.language:
        return (wanted.language,)
    if said or not _is_letters(wanted.typed):
        return (analysis.languages[max(said - 1, 0)],)
    return LANGUAGES


def _is_letters(typed: str) -> bool:
    folded = pinyin.fold_typed(typed)
    return bool(folded) and folded.isascii()


def _is_pinyin(typed: str, languages: Sequence[str]) -> bool:
    """Whether it can be nothing else, so that it means nothing as a word."""
    return "zh" in languages and len(languages) == 1 and _is_letters(typed)


def _context(rows: Vectors, width: int) -> Vectors:
    """Of a customer's messages, oldest first: the last counts most."""
    weights = EARLIER ** np.arange(len(rows) - 1, -1, -1, dtype=np.float32)
    vector = np.asarray(weights @ rows / weights.sum(), dtype=np.float32)
    vector[:width] = unit(vector[:width])
    return vector


def _typed(row: Vectors, width: int) -> Vectors:
    weighed = row.copy()
    weighed[:width] *= TYPED_MEANING
    weighed[width:] *= TYPED_INTENT
    return weighed
