"""Engines and gateways in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEADLINE = 60.0  # seconds for a service to start or to stop on a busy machine


class Service:
    """`python -m NAME`; what it writes to standard error is kept in a file, over all its starts."""

    def __init__(self, name: str, log: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", name, *options]
        self._ready = f"{name}_ready"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """All it wrote to standard error."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def start(self) -> str:
        """Start it and wait until it serves; its address."""
        starts = len(self._addresses())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=_environ({}), stderr=log)
        deadline = time.monotonic() + DEADLINE
        while len(addresses := self._addresses()) == starts:
            assert self._process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)
        return addresses[-1]

    def kill(self) -> None:
        """As a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As an operator would; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, signum: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(signum)
        return process.wait(DEADLINE)

    def _addresses(self) -> list[str]:
        lines = [line for line in self.said.splitlines() if self._ready in line]
        return [str(json.loads(line)["address"]) for line in lines]


def run(name: str, *options: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """A service that is expected to end by itself: its exit code and standard error."""
    done: Any = subprocess.run(
        [sys.executable, "-m", name, *options],
        cwd=ROOT,
        env=_environ(environ or {}),
        capture_output=True,
        timeout=DEADLINE,
        check=False,
        text=True,
    )
    return done.returncode, done.stderr


def _environ(more: Mapping[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("YINGDA_")}
    return ours | dict(more)
