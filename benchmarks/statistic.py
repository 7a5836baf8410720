"""The few numbers that describe many."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that is not exceeded by `share` (0 to 1) of them; no interpolation."""
    if not values:
        raise ValueError("no values, so no percentile")
    rank = max(math.ceil(round(share * len(values), 9)), 1)
    return sorted(values)[rank - 1]


def arrivals(rate: float, seconds: float, seed: str) -> list[float]:
    """A Poisson process: the offsets, in seconds and ascending, at which something arrives within `seconds`."""
    random_ = random.Random(seed)
    offsets: list[float] = []
    now = random_.expovariate(rate)
    while now < seconds:
        offsets.append(now)
        now += random_.expovariate(rate)
    return offsets
