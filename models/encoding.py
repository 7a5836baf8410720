"""What turns texts into vectors: the static table, or any sentence-transformers model by one setting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from models import teacher
from models.encoder import StaticEncoder, Table, normalize
from models.errors import BundleError
from models.features import Features

Float32Array = npt.NDArray[np.float32]

STATIC: Final = "static"
SENTENCE: Final = "sentence-transformers"


class Encoder(Protocol):
    """Turns texts into vectors of length 1 (0 for a text of which nothing is known)."""

    @property
    def kind(self) -> str:
        """STATIC or SENTENCE."""
        ...

    @property
    def model(self) -> str:
        """The name or path of a sentence-transformers model; empty for a static table."""
        ...

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d]."""
        ...

    def embed(self, texts: Sequence[str], features: Features) -> Float32Array:
        """Give float32 [n, d] of texts whose features are known already."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `load` needs into `folder`."""
        ...


class SentenceEncoder:
    """A sentence-transformers model. Needs the extra `train`; remembers the texts it has seen if told to."""

    kind = SENTENCE

    def __init__(self, model: str, *, remember: bool = False) -> None:
        """Raises: MissingExtraError."""
        self.model = model
        self._encode = teacher.load_encoder(model)
        self._remember = remember
        self._seen: dict[str, Float32Array] = {}
        self.dimension = int(self._encode(["?"]).shape[1])

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d], each row of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._recall(texts) if self._remember else normalize(self._encode(texts))

    def embed(self, texts: Sequence[str], features: Features) -> Float32Array:
        """Give float32 [n, d]; the features are not needed."""
        return self.encode(texts)

    def save(self, folder: Path) -> None:
        """Write nothing: the manifest names the model, whose weights stay where they are."""

    def _recall(self, texts: Sequence[str]) -> Float32Array:
        unknown = sorted(set(texts) - self._seen.keys(), key=len)
        if unknown:
            self._seen.update(zip(unknown, normalize(self._encode(unknown)), strict=True))
        return np.stack([self._seen[text] for text in texts])


def load(folder: Path, kind: str, model: str) -> Encoder:
    """Give a bundle's encoder. Raises: BundleError, MissingExtraError."""
    if kind == STATIC:
        return StaticEncoder(Table.load(folder))
    if kind == SENTENCE:
        return SentenceEncoder(model)
    raise BundleError(f"{folder}: encoder of unknown kind {kind!r}; train the bundle again with this version")
