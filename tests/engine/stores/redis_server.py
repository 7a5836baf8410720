"""Redis servers of the tests' own, each on a free port with its files in a folder of its own.

Where redis-server is not installed the tests that need one are skipped and say so; in CI they fail instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

NODES = 3  # masters of a cluster, the least that redis-cli makes one of
_DEADLINE = 20.0  # seconds until a server answers
_BUS = 10_000  # a cluster's servers talk on their port plus this
_HIGHEST = 55_000  # port, so that the bus has one too


class RedisServer:
    """One redis-server process on this machine. `arguments` are settings as on its command line."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As the setting `store` names it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return once it answers."""
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *fixed, *self._arguments], stdout=log, stderr=log
            )
        self._await()

    def kill(self) -> None:
        """As a crash does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """For looking inside; close it."""
        return redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0))

    def _await(self) -> None:
        with self.client() as client:
            until(lambda: _answers(client))


def require_redis() -> None:
    """Skip the test, or fail it in CI, where there is no redis-server."""
    if shutil.which("redis-server") and shutil.which("redis-cli"):
        return
    reason = "redis-server and redis-cli are not installed (Debian: apt-get install redis-server)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def serving_redis(folder: Path, *arguments: str) -> Iterator[RedisServer]:
    """A server that answers, killed afterwards."""
    require_redis()
    server = RedisServer(folder, *arguments)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def serving_cluster(folder: Path) -> Iterator[list[RedisServer]]:
    """Three masters that serve all slots together."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                serving_redis(
                    folder / str(number), "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"
                )
            )
            for number in range(NODES)
        ]
        _join(nodes)
        yield nodes


def cluster_url(nodes: list[RedisServer]) -> str:
    """As the setting `store` names the cluster."""
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


def free_port() -> int:
    """A port nobody listens on, low enough for a cluster's server."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < _HIGHEST:
            return port


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests; `redis_url` empties it for each."""
    with serving_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The store of one test, empty at its start."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    """One cluster for all tests; `redis_cluster_url` empties it for each."""
    with serving_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
def redis_cluster_url(redis_cluster: list[RedisServer]) -> str:
    """The store of one test, empty at its start."""
    for node in redis_cluster:
        with node.client() as client:
            client.flushall()
    return cluster_url(redis_cluster)


def until(is_so: Callable[[], bool], *, seconds: float = _DEADLINE) -> None:
    """Return once it is so, which must be soon."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def _join(nodes: list[RedisServer]) -> None:
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "0", "--cluster-yes"]
    done = subprocess.run(create, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: all(map(_is_whole, nodes)))


def _is_whole(node: RedisServer) -> bool:
    with node.client() as client:
        state: bytes = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in state and f"cluster_size:{NODES}".encode() in state


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return True
    except redis.RedisError:
        return False
