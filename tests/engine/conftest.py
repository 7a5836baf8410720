from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.stores.sqlite import SQLiteStore, open_store
from tests.fakes import Desk, make_desk


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[SQLiteStore]:
    """The embedded store, empty."""
    with closing(open_store(tmp_path / "yingda.db", sync="normal")) as store:
        yield store


@pytest.fixture
def desk(embedded: SQLiteStore) -> Desk:
    """An engine's inside without agents or replies."""
    return make_desk(embedded)
