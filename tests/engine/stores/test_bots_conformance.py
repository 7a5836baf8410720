"""Runs the bots' conformance suite over every store named in `conftest.py`."""

from __future__ import annotations

from tests.engine.stores.bots_conformance import *  # noqa: F403
