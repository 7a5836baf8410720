"""What was read of texts that come again: greetings, thanks, and whatever a campaign makes everybody ask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
Packed = npt.NDArray[
    np.float32
]  # [n, all columns side by side]; what is no float32 is a flag or a small number
_Place = tuple[str, slice, tuple[int, ...], np.dtype[np.generic]]  # of a column in a packed row


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
        self._kept: Packed | None = None  # [size, ...]
        self._layout: Sequence[_Place] = ()

    def predict(self, texts: Sequence[str]) -> Prediction:
        """See `ports.Predictor`: each text that is not remembered is read once."""
        known = list(map(self._slots.get, texts))
        new = list(dict.fromkeys(text for text, slot in zip(texts, known, strict=True) if slot is None))
        self.hits += len(texts) - len(new)
        self.misses += len(new)
        if len(new) == len(texts):
            read = self._predictor.predict(texts)
            if new:
                self._remember(new, read)
            return read
        return self._joined(texts, known, new)

    def forget(self) -> None:
        """Remember nothing."""
        self._slots.clear()
        self._texts = [None] * self._size

    def _joined(self, texts: Sequence[str], known: Sequence[int | None], new: Sequence[str]) -> Read:
        """What is remembered of the texts, and of the new ones what is read now."""
        old = [(row, slot) for row, slot in enumerate(known) if slot is not None]
        # Before anything else is remembered in their place.
        remembered = self._kept.take([slot for _, slot in old], axis=0) if self._kept is not None else None
        read = self._remember(new, self._predictor.predict(new)) if new else None
        places = {text: place for place, text in enumerate(new)}
        fresh = [(row, places[text]) for row, text in enumerate(texts) if text in places]
        rows = np.empty((len(texts), self._layout[-1][1].stop), np.float32)
        if remembered is not None:
            rows[[row for row, _ in old]] = remembered
        if read is not None:
            rows[[row for row, _ in fresh]] = read.take([place for _, place in fresh], axis=0)
        columns: dict[str, Any] = {
            name: rows[:, span].reshape(-1, *tail).astype(dtype, copy=False)
            for name, span, tail, dtype in self._layout
        }
        return Read(**columns)

    def _remember(self, texts: Sequence[str], read: Prediction) -> Packed:
        """What was read of the texts, which is remembered from here on, packed."""
        if self._kept is None:
            self._layout = _lay_out(read)
            self._kept = np.empty((self._size, self._layout[-1][1].stop), np.float32)
        columns = [getattr(read, name).reshape(len(texts), -1) for name in _COLUMNS]
        packed: Packed = np.concatenate(columns, axis=1, dtype=np.float32, casting="unsafe")
        rows = [row for row, text in enumerate(texts) if len(text) <= _LONGEST]
        self._kept[[self._take_slot(texts[row]) for row in rows]] = packed[rows]
        return packed

    def _take_slot(self, text: str) -> int:
        """The text's place; what was remembered there is forgotten."""
        slot, self._next = self._next, (self._next + 1) % self._size
        if (gone := self._texts[slot]) is not None:
            del self._slots[gone]
        self._texts[slot] = text
        self._slots[text] = slot
        return slot


def _lay_out(read: Prediction) -> list[_Place]:
    """Where the columns stand in a packed row."""
    found: list[_Place] = []
    start = 0
    for name in _COLUMNS:
        column = getattr(read, name)
        width = math.prod(column.shape[1:])
        found.append((name, slice(start, start + width), column.shape[1:], column.dtype))
        start += width
    return found
