"""Runs the conformance suite over every store named in `conftest.py`."""

from __future__ import annotations

from tests.engine.stores.conformance import *  # noqa: F403
