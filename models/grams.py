"""Words and n-grams as buckets, so that texts can be compared by what they literally share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.features import LAYOUT, Kind, extract
from models.hashing import PART_WEIGHTS

BITS: Final = 16  # of a bucket
_DROP: Final = np.uint64(64 - BITS)


# As in the heads, without what says how a text is written and not what it says.
_SAID: Final = np.array([kind not in (Kind.EDGE, Kind.LENGTH, Kind.SHOUT) for kind in LAYOUT[1:]])
_WEIGHTS: Final = np.where(_SAID, PART_WEIGHTS, np.float32(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """The n-grams of n texts, ordered by text and bucket, each bucket once a text."""

    offsets: npt.NDArray[np.int64]  # [n + 1]: where each text's begin, and the end
    buckets: npt.NDArray[np.uint16]  # [m]
    counts: npt.NDArray[np.float32]  # [m], weighed by kind


def count(texts: Sequence[str]) -> Grams:
    """Give each text's n-grams, independent of its neighbours."""
    features = extract(texts)
    weights = _WEIGHTS.repeat(features.counts[1:])
    kept = weights > 0
    rows = features.rows[features.sparse][kept].astype(np.int64)
    keys = rows << BITS | (features.hashes[features.sparse][kept] >> _DROP).view(np.int64)
    unique, places = np.unique(keys, return_inverse=True)
    return Grams(
        offsets=np.searchsorted(unique, np.arange(features.n + 1) << BITS),
        buckets=(unique & ((1 << BITS) - 1)).astype(np.uint16),
        counts=np.bincount(places, weights=weights[kept], minlength=unique.size).astype(np.float32),
    )
