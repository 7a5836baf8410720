"""Find 64-bit keys in a sorted list, a whole batch at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int32Array = npt.NDArray[np.int32]
UInt64Array = npt.NDArray[np.uint64]

_BITS: Final = 18  # leading bits that lead straight to a key's neighbourhood
_DROP: Final = np.uint64(64 - _BITS)
_FEW: Final = 512  # hashes; below it a binary search has the fewer calls


class KeyIndex:
    """The places of hashes in a sorted array of distinct, evenly spread uint64 keys."""

    def __init__(self, keys: UInt64Array) -> None:
        """Raises: ValueError if the keys are not strictly ascending."""
        if not bool(np.all(keys[1:] > keys[:-1])):
            raise ValueError("keys must ascend strictly")
        prefixes = np.arange((1 << _BITS) + 1, dtype=np.uint64)
        self._keys = keys
        self._padded = np.append(keys, np.zeros(1, np.uint64))  # so that the place after the last can be read
        self._first = np.searchsorted(keys >> _DROP, prefixes).astype(np.int32)
        self._unknown = np.int32(keys.size)

    def find(self, hashes: UInt64Array) -> Int32Array:
        """Give int32 [m], the place of each hash; one after the last for those that are no keys."""
        place = self._search(hashes) if hashes.size < _FEW else self._look_up(hashes)
        place[self._padded.take(place, mode="clip") != hashes] = self._unknown
        return place

    def _search(self, hashes: UInt64Array) -> Int32Array:
        return self._keys.searchsorted(hashes).astype(np.int32)

    def _look_up(self, hashes: UInt64Array) -> Int32Array:
        """Give the first key with the same leading bits, or where that is another, a later one that may be it."""
        prefix = (hashes >> _DROP).view(np.int64)
        place = self._first.take(prefix, mode="clip")
        count = self._first.take(prefix + 1, mode="clip") - place
        shared = (count > 1).nonzero()[0]
        step = 1
        while shared.size:  # keys with the same leading bits: few
            shared = shared[self._padded.take(place.take(shared)) != hashes.take(shared)]
            shared = shared[count.take(shared) > step]
            place[shared] += 1
            step += 1
        return place
