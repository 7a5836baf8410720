"""Runs the workflow's conformance suite over every store named in `conftest.py`."""

from __future__ import annotations

from tests.engine.stores.workflow_conformance import *  # noqa: F403
