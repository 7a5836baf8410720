"""Find 64-bit keys in a sorted list, a whole batch at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

_BITS: Final = 20  # leading bits that lead straight to a key's neighbourhood
_DROP: Final = np.uint64(64 - _BITS)


class KeyIndex:
    """The places of hashes in a sorted array of distinct, evenly spread uint64 keys."""

    def __init__(self, keys: npt.NDArray[np.uint64]) -> None:
        """Raises: ValueError if the keys are not strictly ascending."""
        if not bool(np.all(keys[1:] > keys[:-1])):
            raise ValueError("keys must ascend strictly")
        count = np.bincount((keys >> _DROP).astype(np.int64), minlength=1 << _BITS)
        self._keys = np.append(keys, np.uint64(0))  # so that the place after the last key can be read
        self._first = (np.cumsum(count) - count).astype(np.int32)
        self._count = count.astype(np.uint8)

    def find(self, hashes: npt.NDArray[np.uint64]) -> tuple[Int64Array, Int64Array]:
        """Give which of the hashes are known, int64 [k] ascending, and the place of each, int64 [k]."""
        prefix = (hashes >> _DROP).astype(np.int64)
        place = self._first[prefix].astype(np.int64)
        known = self._keys[place] == hashes
        shared = np.flatnonzero(~known & (self._count[prefix] > 1))
        while shared.size:  # keys with the same leading bits: few
            place[shared] += 1
            known[shared] = self._keys[place[shared]] == hashes[shared]
            left = self._first[prefix[shared]] + self._count[prefix[shared]] - 1 - place[shared]
            shared = shared[~known[shared] & (left > 0)]
        found = np.flatnonzero(known)
        return found, place[found]
