"""The implementations of `ports.Store`. To add one: a fixture `NAME_opener`, and NAME in STORES."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.ports import Store
from engine.stores.sqlite import SQLiteStore, open_store
from tests.engine.stores.conformance import Opener

STORES = ["sqlite"]


@pytest.fixture(params=STORES)
def opener(request: pytest.FixtureRequest) -> Opener:
    made: Opener = request.getfixturevalue(f"{request.param}_opener")
    return made


@pytest.fixture
def store(opener: Opener) -> Store:
    return opener()


@pytest.fixture
def sqlite_opener(tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as stack:

        def open_again() -> SQLiteStore:
            opened = open_store(tmp_path / "yingda.db", sync="normal")
            stack.callback(opened.close)
            return opened

        yield open_again
