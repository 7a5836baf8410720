from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.stores.sqlite import SQLiteStore, open_store
from tests.fakes import make_reply

PATIENCE = 20.0  # seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yingda.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(open_store(path, sync="normal")) as opened:
        yield opened


def holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()


def until_copied(path: Path, text: str) -> None:
    """Return once the file itself holds it."""
    until = time.monotonic() + PATIENCE
    while not holds(path, text):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_was_committed_reaches_the_file_without_another_commit(store: SQLiteStore, path: Path) -> None:
    store.assist.put_replies("shop", [make_reply(text="a sentence that is new")])
    assert not holds(path, "a sentence that is new")

    until_copied(path, "a sentence that is new")


def test_the_log_begins_anew_once_it_was_copied(store: SQLiteStore, path: Path) -> None:
    log = path.with_name("yingda.db-wal")
    sizes = []
    for number in range(4):
        store.assist.put_replies("shop", [make_reply(text=f"sentence {number} of some")])
        until_copied(path, f"sentence {number} of some")
        sizes.append(log.stat().st_size)

    assert sizes[-1] == sizes[1]


def test_the_log_can_be_emptied_while_it_is_copied(store: SQLiteStore, path: Path) -> None:
    for number in range(200):
        store.assist.put_replies("shop", [make_reply(text=f"sentence {number}")])
        store.archive.settle()
        assert path.with_name("yingda.db-wal").stat().st_size == 0
