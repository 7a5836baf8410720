"""One file of vectors, each under a key and with a checksum."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Known = npt.NDArray[np.bool_]
KEY = 16  # bytes
_MAGIC = b"yingda vectors 1\n"
_HEADER = struct.Struct(f"<{len(_MAGIC)}sI32s")  # what it is, the vectors' length, a name of the encoder
_SUM = struct.Struct("<I")
_NO_KEY = bytes(KEY)  # of a place that is free


class VectorFile:
    """Used by one thread at a time; several lose each other's changes.

    All records are of one length: key, vector, checksum. What is taken out is overwritten with zeros, so nothing of it
    stays, and its place is used again. What a crash left half written has a wrong checksum, and is unknown.

    Raises: OSError.
    """

    def __init__(self, path: Path, *, encoder: bytes, width: int) -> None:
        self._path = path
        self._head = _HEADER.pack(_MAGIC, width, encoder)
        self._width = width
        self._size = KEY + 4 * width + _SUM.size  # of a record
        self._places: dict[bytes, int] = {}
        self._free: list[int] = []
        self._end = 0  # records, the free ones included
        self.was_foreign = not self._open()

    def read(self, keys: Sequence[bytes]) -> tuple[Vectors, Known]:
        """[n, width], and [n] which of them are known; the others are 0."""
        vectors = np.zeros((len(keys), self._width), dtype=np.float32)
        known = np.zeros(len(keys), dtype=np.bool_)
        places = [(row, self._places[key]) for row, key in enumerate(keys) if key in self._places]
        if not places:
            return vectors, known
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for row, place in places:
                record = data[self._at(place) : self._at(place + 1)]
                if len(record) == self._size and _is_whole(record):
                    known[row] = True
                    vectors[row] = np.frombuffer(record, "<f4", self._width, KEY)
        return vectors, known

    def put(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Each under its key, in place of what was there."""
        records = {key: _record(key, vector) for key, vector in zip(keys, vectors, strict=True)}
        fresh = [key for key in records if key not in self._places]
        free = [self._free.pop() for _ in islice(fresh, len(self._free))]
        places = [*free, *range(self._end, self._end + len(fresh) - len(free))]
        self._places.update(zip(fresh, places, strict=True))
        self._end += len(fresh) - len(free)
        self._write({self._places[key]: record for key, record in records.items()})

    def drop(self, keys: Sequence[bytes]) -> None:
        """Let nothing of these be left; of others it knows nothing."""
        places = [self._places.pop(key) for key in keys if key in self._places]
        self._write(dict.fromkeys(places, bytes(self._size)))
        self._free += places

    def keep_only(self, keys: Sequence[bytes]) -> None:
        """Drop all others."""
        wanted = set(keys)
        self.drop([key for key in self._places if key not in wanted])

    def _open(self) -> bool:
        """Whether what was there is of this kind; a file that is not is made anew."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        data = self._path.read_bytes() if self._path.exists() else self._head
        is_ours = data.startswith(self._head)
        if not is_ours or data == self._head:
            self._path.write_bytes(self._head)
            return is_ours
        # Half a record at the end is overwritten by the next one.
        self._end = (len(data) - len(self._head)) // self._size
        for place in range(self._end):
            at = self._at(place)
            key = data[at : at + KEY]
            if key == _NO_KEY:
                self._free.append(place)
            else:
                self._places[key] = place
        return True

    def _at(self, place: int) -> int:
        return len(self._head) + place * self._size

    def _write(self, records: dict[int, bytes]) -> None:
        if not records:
            return
        with self._path.open("r+b") as file:
            expected = -1
            for place in sorted(records):
                if place != expected:
                    file.seek(self._at(place))
                file.write(records[place])
                expected = place + 1


def _record(key: bytes, vector: Vectors) -> bytes:
    body = key + vector.astype("<f4").tobytes()
    return body + _SUM.pack(zlib.crc32(body))


def _is_whole(record: bytes) -> bool:
    return _SUM.pack(zlib.crc32(record[: -_SUM.size])) == record[-_SUM.size :]
