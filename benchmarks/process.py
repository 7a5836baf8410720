"""A service as a process of its own: how it starts, what it has used, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import grpc
from grpc_health.v1 import health_pb2

from benchmarks.errors import BenchmarkError

ROOT = Path(__file__).parents[1]
START_LIMIT = 60.0  # seconds
STOP_LIMIT = 15.0  # seconds
_HEALTH = "/grpc.health.v1.Health/Check"  # of the whole process, which an empty request asks for
_POLL = 0.002  # seconds, of a service that starts at once
_FINENESS = 200  # looks in as long as it has taken already: a slow start is not slowed further
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_TAIL = 2000  # characters of a log that are worth showing


class Using(Protocol):
    """A process that uses CPU time."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        ...


class Service:
    """A running `python -m module`, whose log says `{name}_ready` with its address once it serves."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, spawned: float) -> None:
        self.name = name
        self.address = ""
        self.seconds_to_serving = 0.0
        self._process = process
        self._log = log
        self._spawned = spawned

    async def serving(self) -> None:
        """Wait until its health says so, and note its address. Raises: BenchmarkError."""
        await self.announced()
        async with grpc.aio.insecure_channel(self.address) as channel:
            check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
            answer = await check(b"", timeout=START_LIMIT, wait_for_ready=True)
        if health_pb2.HealthCheckResponse.FromString(answer).status != health_pb2.HealthCheckResponse.SERVING:
            raise BenchmarkError(f"the {self.name} does not serve; its log ends: {self._tail()}")
        self.seconds_to_serving = self.seconds_since_start()

    def seconds_since_start(self) -> float:
        """From the moment when it was spawned."""
        return time.perf_counter() - self._spawned

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far, in steps of a clock tick (10 ms on most systems)."""
        # The name in parentheses may hold spaces; utime and stime are fields 14 and 15 of proc(5).
        after_name = self._proc("stat").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS

    def rss_mb(self) -> float:
        """Resident memory now, in MiB."""
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        """The most memory that was ever resident, in MiB."""
        return self._status_mb("VmHWM")

    def threads(self) -> int:
        """How many threads it has."""
        return int(self._status("Threads"))

    def files(self) -> int:
        """How many files it has open, sockets among them."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def stop(self) -> None:
        """Ask it to finish, and end it if it does not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def announced(self, limit: float = START_LIMIT) -> None:
        """Wait until its log says where it listens, and note the address. Raises: BenchmarkError."""
        deadline = self._spawned + limit
        while (address := _ready_address(self._log, f"{self.name}_ready")) is None:
            if self._process.poll() is not None:
                raise BenchmarkError(f"the {self.name} did not start; its log ends: {self._tail()}")
            if time.perf_counter() > deadline:
                raise BenchmarkError(f"the {self.name} was not ready after {limit:.0f} s: {self._tail()}")
            await asyncio.sleep(max(_POLL, self.seconds_since_start() / _FINENESS))
        self.address = address

    def _status_mb(self, field: str) -> float:
        return int(self._status(field).split()[0]) / 1024

    def _status(self, field: str) -> str:
        return dict(line.split(":", 1) for line in self._proc("status").splitlines())[field]

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self._process.pid}/{name}").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BenchmarkError(
                f"/proc knows no {self.name}: it ended, or this is not Linux, which the benchmarks need; "
                f"its log ends: {self._tail()}"
            ) from None

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip() or "(empty)"


@contextmanager
def spawned(
    name: str, arguments: Sequence[str], folder: Path, *, python: str = sys.executable
) -> Iterator[Service]:
    """`python -m` with these arguments, its log in `folder`, until the block ends.

    It sees none of the caller's YINGDA_ settings, and ends with its parent whatever happens.
    """
    log = folder / f"{name}.log"
    environ = {key: value for key, value in os.environ.items() if not key.startswith("YINGDA_")}
    with log.open("wb") as stream:
        now = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", *arguments, "--with-parent"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
        )
    with process:
        service = Service(name, process, log, now)
        try:
            yield service
        finally:
            service.stop()


def _ready_address(log: Path, event: str) -> str | None:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("event") == event:
                return str(entry["address"])
    return None
