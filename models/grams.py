"""Words and n-grams as buckets, so that texts can be compared by what they literally share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.features import extract
from models.hashing import PART_WEIGHTS

BITS: Final = 16  # of a bucket
_DROP: Final = np.uint64(64 - BITS)


# The last parts of the layout say how a text is written (EDGE, LENGTH, SHOUT) and not what it says.
_UNSAID: Final = 3
# As in the heads, in double precision because several are added up.
_WEIGHTS: Final = PART_WEIGHTS[:-_UNSAID].astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """The n-grams of n texts, ordered by text and bucket, each bucket once a text."""

    offsets: npt.NDArray[np.int64]  # [n + 1]: where each text's begin, and the end
    buckets: npt.NDArray[np.uint16]  # [m]
    counts: npt.NDArray[np.float32]  # [m], weighed by kind


def count(texts: Sequence[str]) -> Grams:
    """Give each text's n-grams, independent of its neighbours.

    `np.unique` would do the second half, in twice the time where a text comes alone.
    """
    features = extract(texts)
    sizes = features.counts[1:-_UNSAID]
    said = slice(features.sparse.start, features.sparse.start + int(sizes.sum()))
    keys = features.rows[said].astype(np.int64) << BITS | (features.hashes[said] >> _DROP).view(np.int64)
    order = keys.argsort(kind="stable")
    keys, weights = keys.take(order), _WEIGHTS.repeat(sizes).take(order)
    is_new = np.ones(keys.size, np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    starts = is_new.nonzero()[0]
    unique = keys.take(starts)
    counts = np.add.reduceat(weights, starts) if starts.size else weights
    return Grams(
        offsets=unique.searchsorted(np.arange(features.n + 1) << BITS),
        buckets=unique.astype(np.uint16),
        counts=counts.astype(np.float32),
    )
