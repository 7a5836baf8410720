"""Find 64-bit keys in a sorted list, a whole batch at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

_BITS: Final = 20  # leading bits that lead straight to a key's neighbourhood


class KeyIndex:
    """The places of hashes in a sorted array of distinct, evenly spread uint64 keys."""

    def __init__(self, keys: npt.NDArray[np.uint64]) -> None:
        """Raises: ValueError if the keys are not strictly ascending."""
        if not bool(np.all(keys[1:] > keys[:-1])):
            raise ValueError("keys must ascend strictly")
        prefixes = (keys >> np.uint64(64 - _BITS)).astype(np.int64)
        count = np.bincount(prefixes, minlength=1 << _BITS)
        self._keys = keys
        self._first = (np.cumsum(count) - count).astype(np.int32)
        self._probes = int(count.max(initial=0))

    def find(self, hashes: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Give int64 [m], the place of each hash (0 where unknown), and bool [m], whether it is known."""
        place = np.zeros(hashes.size, np.int64)
        known = np.zeros(hashes.size, np.bool_)
        first = self._first[(hashes >> np.uint64(64 - _BITS)).astype(np.int64)]
        for step in range(self._probes):
            at = np.minimum(first + step, self._keys.size - 1)
            hit = self._keys[at] == hashes
            place[hit] = at[hit]
            known |= hit
        return place, known
