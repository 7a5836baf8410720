"""What was read of texts that come again: greetings, thanks, and whatever a campaign makes everybody ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.ports import Prediction, Predictor

LEAST = 1024  # texts worth remembering, and more than any batch has
_LONGEST = 200  # characters of a text that may come again


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """See `ports.Prediction`."""

    probability: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    in_scope: npt.NDArray[np.bool_]
    sentiment: npt.NDArray[np.float32]
    anger: npt.NDArray[np.float32]
    is_angry: npt.NDArray[np.bool_]
    language: npt.NDArray[np.uint8]
    embedding: npt.NDArray[np.float32]


_COLUMNS = tuple(Read.__dataclass_fields__)


class ReadingMemory:
    """Remembers the last `size` texts, and what one classifier says of them, which never changes.

    Called from one thread. `hits` and `misses` count texts.
    """

    def __init__(self, *, predictor: Predictor, size: int) -> None:
        self.hits = 0
        self.misses = 0
        self._predictor = predictor
        self._size = max(size, LEAST)
        self._slots: dict[str, int] = {}
        self._texts: list[str | None] = [None] * self._size
        self._next = 0
        self._kept: Mapping[str, npt.NDArray[np.generic]] = {}

    def predict(self, texts: Sequence[str]) -> Prediction:
        """See `ports.Predictor`: each text that is not remembered is read once."""
        known = list(map(self._slots.get, texts))
        new = list(dict.fromkeys(text for text, slot in zip(texts, known, strict=True) if slot is None))
        self.hits += len(texts) - len(new)
        self.misses += len(new)
        if len(new) == len(texts):
            read = self._predictor.predict(texts)
            self._remember(new, read)
            return read
        old = [(row, slot) for row, slot in enumerate(known) if slot is not None]
        return self._joined(texts, old, self._predictor.predict(new) if new else None, new)

    def forget(self) -> None:
        """Remember nothing."""
        self._slots.clear()
        self._texts = [None] * self._size

    def _joined(
        self,
        texts: Sequence[str],
        old: Sequence[tuple[int, int]],
        read: Prediction | None,
        new: Sequence[str],
    ) -> Read:
        """One prediction of what is remembered and what was read now, which is remembered afterwards."""
        places = {text: place for place, text in enumerate(new)}
        fresh = [(row, places[text]) for row, text in enumerate(texts) if text in places]
        columns = {}
        for name in _COLUMNS:
            sample = self._kept[name] if old else getattr(read, name)
            column = np.empty((len(texts), *sample.shape[1:]), dtype=sample.dtype)
            for pairs, source in ((old, self._kept.get(name)), (fresh, getattr(read, name, None))):
                if pairs and source is not None:
                    rows, taken = zip(*pairs, strict=True)
                    column[list(rows)] = source[list(taken)]
            columns[name] = column
        if read is not None:
            self._remember(new, read)
        return Read(**columns)

    def _remember(self, texts: Sequence[str], read: Prediction) -> None:
        rows = [row for row, text in enumerate(texts) if len(text) <= _LONGEST]
        slots = [(self._next + place) % self._size for place in range(len(rows))]
        self._next = (self._next + len(rows)) % self._size
        for slot, row in zip(slots, rows, strict=True):
            if (gone := self._texts[slot]) is not None:
                del self._slots[gone]
            self._texts[slot] = texts[row]
            self._slots[texts[row]] = slot
        for name in _COLUMNS:
            column = getattr(read, name)
            self._of(name, column)[slots] = column[rows]

    def _of(self, name: str, like: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        if name not in self._kept:
            kept = np.empty((self._size, *like.shape[1:]), dtype=like.dtype)
            self._kept = {**self._kept, name: kept}
        return self._kept[name]
