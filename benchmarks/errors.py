"""What can go wrong while measuring."""

from __future__ import annotations


class BenchmarkError(Exception):
    """The measurement would be worth nothing; the message says why and what to do."""
