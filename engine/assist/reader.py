"""Reads texts once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import Analyzer
from engine.assist.words import Lexicon, Words
from engine.domain import OUT_OF_SCOPE, AnalysisBatch

Vectors = npt.NDArray[np.float32]
HEDGE = np.float32(
    0.4
)  # below 1: a list has several places, so the second likeliest intent gets more than its share
_KEPT = 8192  # texts; a conversation's last messages are asked about at every keystroke


class Read(NamedTuple):
    """A text's vector [d + intents + 1], and what it is about."""

    row: Vectors
    language: str
    intent: str


_READ: Callable[[tuple[Vectors, str, str]], Read] = partial(tuple.__new__, Read)  # from its fields


class Reader:
    """A text is read the same alone or in any batch, so what was read of it stays true. Safe to share."""

    def __init__(self, *, analyzer: Analyzer, lexicon: Lexicon, width: int) -> None:
        self.width = width  # of an embedding
        self._analyzer = analyzer
        self._lexicon = lexicon
        self._words: OrderedDict[str, Words] = OrderedDict()
        self._kept: OrderedDict[str, Read] = OrderedDict()
        self._lock = Lock()

    def read(self, texts: Sequence[str]) -> list[Read]:
        """One per text, in order."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found |= zip(new, self._read(new), strict=True)
        with self._lock:
            for text, read in found.items():
                self._kept[text] = read
                self._kept.move_to_end(text)
            self._forget()
        return [found[text] for text in texts]

    def words(self, text: str) -> Words:
        """The words of one text."""
        with self._lock:
            if text in self._words:
                self._words.move_to_end(text)
                return self._words[text]
        found = self._lexicon.words([text])
        with self._lock:
            self._words[text] = found
            if len(self._words) > _KEPT:
                self._words.popitem(last=False)
        return found

    def remember(self, texts: Sequence[str], analysis: AnalysisBatch, rows: Vectors) -> None:
        """Keep what the pipeline read anyhow: these are the messages that agents will answer next."""
        reads = map(_READ, zip(rows, analysis.languages, analysis.intents, strict=True))
        with self._lock:
            self._kept.update(zip(texts, reads, strict=True))
            self._forget()

    def forget(self) -> None:
        """Know no text any more."""
        with self._lock:
            self._kept.clear()
            self._words.clear()

    def _forget(self) -> None:
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _read(self, texts: Sequence[str]) -> list[Read]:
        analysis = self._analyzer.analyze(texts)
        rows = of_messages(analysis)
        return [
            Read(
                row=rows[number],
                language=analysis.languages[number],
                intent=analysis.intents[number],
            )
            for number in range(len(texts))
        ]


def of_messages(analysis: AnalysisBatch) -> Vectors:
    """[n, d + intents + 1]: embedding, hedged probability of each intent, and half where out of scope."""
    refused = np.array([intent == OUT_OF_SCOPE for intent in analysis.intents], dtype=np.bool_)
    return np.hstack([analysis.embedding, hedged(analysis.probability, refused)])


def hedged(probability: Vectors, refused: npt.NDArray[np.bool_]) -> Vectors:
    """[n, intents + 1], of calibrated probabilities [n, intents] and who is out of scope [n]."""
    # Below the threshold the engine answers out_of_scope, so the intents count for half.
    half = refused[:, np.newaxis].astype(np.float32) / 2
    spread = probability**HEDGE
    spread *= (1 - half) / spread.sum(axis=1, keepdims=True)
    return np.hstack([spread, half])
