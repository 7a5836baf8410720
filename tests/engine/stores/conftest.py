"""The implementations of `ports.Store`. To add one: a fixture `NAME_opener`, and NAME in STORES."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.ports import Store
from engine.stores import redis
from engine.stores.sqlite import SQLiteStore, open_store
from tests.engine.stores.conformance import Opener
from tests.engine.stores.redis_server import (  # noqa: F401
    redis_cluster,
    redis_cluster_url,
    redis_server,
    redis_url,
)

STORES = ["sqlite", "redis", "redis_cluster"]


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


@pytest.fixture
def redis_opener(redis_url: str) -> Iterator[Opener]:  # noqa: F811
    yield from _opening(redis_url)


@pytest.fixture
def redis_cluster_opener(redis_cluster_url: str) -> Iterator[Opener]:  # noqa: F811
    yield from _opening(redis_cluster_url)


def _opening(url: str) -> Iterator[Opener]:
    with ExitStack() as stack:

        def open_again() -> redis.RedisStore:
            opened = redis.open_store(url)
            stack.callback(opened.close)
            return opened

        yield open_again
