from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from yingda.cli import program

DEADLINE = 60.0  # seconds for services to start on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`yingda serve` in a process of its own."""

    process: subprocess.Popen[str]
    target: str
    folder: Path
    said: Path  # its standard error

    def child(self, name: str) -> int:
        """The process id of the engine or the gateway."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it may just have ended
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                command = (process / "cmdline").read_bytes().split(b"\0")
                if int(parent) == self.process.pid and name.encode() in command:
                    return int(process.name)
        raise AssertionError(f"no {name} runs")

    def until_said(self, text: str) -> str:
        """All it said, once that is part of it."""
        return until(lambda: (said := self.said.read_text()) if text in self.said.read_text() else "")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


Serve = Callable[..., Server]


def until(found: Callable[[], str]) -> str:
    """The first text that is not empty."""
    deadline = time.monotonic() + DEADLINE
    while not (text := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return text


def start(folder: Path, *options: str) -> Server:
    """A server on a free port with its data in `folder`, once it serves."""
    said = folder.with_suffix(".err")
    with said.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "yingda.cli", "serve", "--data-dir", str(folder), *_listen(options)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"serving at (\S+),", line):
            return Server(process=process, target=found.group(1), folder=folder, said=said)
    process.wait()
    raise AssertionError(said.read_text())


def end(server: Server) -> None:
    if server.process.poll() is None:
        server.stop()
    assert server.process.stdout is not None
    server.process.stdout.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, and stops them after the test."""
    started: list[Server] = []

    def run(folder: Path, *options: str) -> Server:
        started.append(start(folder, *options))
        return started[-1]

    yield run
    for server in started:
        end(server)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the sample team, for tests that need only some gateway."""
    server = start(tmp_path_factory.mktemp("shared") / "data", "--sample-team")
    yield server
    end(server)


@pytest.fixture
def yingda(
    shared: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command against the shared server; what it printed."""
    monkeypatch.setenv("YINGDA_TARGET", shared.target)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, code: int = 0) -> str:
        found = program.run(arguments)
        out, errors = capsys.readouterr()
        assert found == code, errors
        return out + errors

    return run


def _listen(options: Sequence[str]) -> Sequence[str]:
    return options if "--listen" in options else (*options, "--listen", "127.0.0.1:0")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("YINGDA_"):
            monkeypatch.delenv(name)
