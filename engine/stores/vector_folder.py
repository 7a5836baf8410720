"""The vectors of all tenants' replies, in a folder beside the store: a file for each tenant and encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np
import structlog

from engine.ports import Encoding
from engine.stores.vector_file import Known, VectorFile, Vectors


class VectorFolder:
    """See `ports.VectorStore`. What cannot be read or written is logged, and is unknown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, VectorFile] = {}
        self._lock = Lock()

    def read(self, tenant: str, of: Encoding, keys: Sequence[bytes]) -> tuple[Vectors, Known]:
        """See `ports.VectorStore`."""
        vectors, known = (
            np.zeros((len(keys), of.width), dtype=np.float32),
            np.zeros(len(keys), dtype=np.bool_),
        )
        with self._using(tenant):
            vectors, known = self._file(tenant, of).read(keys)
        return vectors, known

    def put(self, tenant: str, of: Encoding, keys: Sequence[bytes], vectors: Vectors) -> None:
        """See `ports.VectorStore`."""
        with self._using(tenant):
            self._file(tenant, of).put(keys, vectors)

    def drop(self, tenant: str, keys: Sequence[bytes]) -> None:
        """See `ports.VectorStore`. Files of encoders that were not at work since the engine began go as a whole."""
        with self._using(tenant):
            for path in self._of(tenant).glob("*.vectors"):
                if path in self._files:
                    self._files[path].drop(keys)
                else:
                    path.unlink()

    def keep_only(self, tenant: str, of: Encoding, keys: Sequence[bytes]) -> None:
        """See `ports.VectorStore`."""
        with self._using(tenant):
            self._file(tenant, of).keep_only(keys)

    @contextmanager
    def _using(self, tenant: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                self._files.clear()  # what they know of their files may be wrong: opened again when needed
                _log().warning("vectors_lost", tenant=tenant, error=str(error), folder=str(self._folder))

    def _of(self, tenant: str) -> Path:
        return self._folder / sha256(tenant.encode()).hexdigest()[:32]

    def _file(self, tenant: str, of: Encoding) -> VectorFile:
        encoder = sha256(of.encoder.encode()).digest()
        path = self._of(tenant) / f"{encoder.hex()[:32]}.vectors"
        if path not in self._files:
            self._files[path] = found = VectorFile(path, encoder=encoder, width=of.width)
            if found.was_foreign:
                _log().warning("vectors_ignored", tenant=tenant, file=str(path), reason="not of this encoder")
        return self._files[path]


def _log() -> structlog.stdlib.BoundLogger:
    found: structlog.stdlib.BoundLogger = structlog.get_logger()
    return found
