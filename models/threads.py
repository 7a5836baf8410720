"""A fixed number of threads for numerical libraries, so that sums come out the same whatever the environment says."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from threadpoolctl import threadpool_limits

THREADS: Final = 1  # of BLAS and OpenMP; sums in another order give other bytes


def fix_threads() -> AbstractContextManager[object]:
    """Hold BLAS and OpenMP to THREADS inside a `with`; outside everything is as it was."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=THREADS)
    return limits
