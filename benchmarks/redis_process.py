"""Redis servers of one's own, each on a free port with its files in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from benchmarks.errors import BenchmarkError

NODES = 3  # masters of a cluster, the least that redis-cli makes one of
MISSING = "redis-server and redis-cli are not installed (Debian: apt-get install redis-server)"
_LIMIT = 20.0  # seconds until a server answers, or a cluster is whole
_POLL = 0.01  # seconds
_HIGHEST = 55_000  # port: a cluster's servers talk on the one 10,000 above


class RedisServer:
    """One redis-server process on this machine. `arguments` are settings as on its command line."""

    name = "redis"

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._log = folder / "log"
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
        self._command = ["redis-server", *fixed, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As the setting `store` names it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return once it answers. Raises: BenchmarkError."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        with self.client() as client:
            _until(lambda: _answers(client), f"redis-server does not answer, see {self._log}")

    def kill(self) -> None:
        """As a crash does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """For looking inside; close it."""
        return redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0))

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        with self.client() as client:
            used = client.info("cpu")
        return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])

    def memory_bytes(self) -> int:
        """What it has allocated."""
        with self.client() as client:
            return int(client.info("memory")["used_memory"])


def is_installed() -> bool:
    """Whether servers can be started here."""
    return bool(shutil.which("redis-server") and shutil.which("redis-cli"))


@contextmanager
def serving_redis(folder: Path, *arguments: str) -> Iterator[RedisServer]:
    """A server that answers, killed afterwards. Raises: BenchmarkError."""
    if not is_installed():
        raise BenchmarkError(MISSING)
    server = RedisServer(folder, *arguments)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def serving_cluster(folder: Path, *, replicas: int = 0) -> Iterator[list[RedisServer]]:
    """Three masters that serve all slots together, and so many replicas of each. Raises: BenchmarkError."""
    cluster = (
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--repl-diskless-sync-delay",
        "0",
    )
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(serving_redis(folder / str(number), *cluster))
            for number in range(NODES * (1 + replicas))
        ]
        _join(nodes, replicas)
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


def _join(nodes: list[RedisServer], replicas: int) -> None:
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", str(replicas)]
    done = subprocess.run([*create, "--cluster-yes"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"redis-cli made no cluster: {done.stdout}{done.stderr}")
    _until(lambda: all(map(_is_whole, nodes)), "the cluster did not come up")


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


def _until(is_so: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + _LIMIT
    while not is_so():
        if time.monotonic() > deadline:
            raise BenchmarkError(problem)
        time.sleep(_POLL)
