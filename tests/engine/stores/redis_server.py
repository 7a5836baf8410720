"""Redis servers of the tests' own: one and a cluster of three, started once for all tests that ask for them.

Where redis-server is not installed those tests are skipped and say so; in CI they fail instead.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import redis_process
from benchmarks.redis_process import RedisServer, cluster_url, free_port

__all__ = ["RedisServer", "free_port"]


def require_redis() -> None:
    """Skip the test, or fail it in CI, where there is no redis-server."""
    if redis_process.is_installed():
        return
    if os.environ.get("CI"):
        pytest.fail(redis_process.MISSING)
    pytest.skip(redis_process.MISSING)


@contextmanager
def serving_redis(folder: Path, *arguments: str) -> Iterator[RedisServer]:
    """A server of one test's own, with these settings."""
    require_redis()
    with redis_process.serving_redis(folder, *arguments) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests; `redis_url` empties it for each."""
    with serving_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The store of one test, empty at its start."""
    _empty(redis_server)
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    """One cluster for all tests; `redis_cluster_url` empties it for each."""
    require_redis()
    with redis_process.serving_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
def redis_cluster_url(redis_cluster: list[RedisServer]) -> str:
    """The store of one test, empty at its start."""
    for node in redis_cluster:
        _empty(node)
    return cluster_url(redis_cluster)


def until(is_so: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Return once it is so, which must be soon."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def _empty(server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()
