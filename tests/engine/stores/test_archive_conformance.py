"""Runs the archive's conformance suite over every store named in `conftest.py`."""

from __future__ import annotations

from tests.engine.stores.archive_conformance import *  # noqa: F403
