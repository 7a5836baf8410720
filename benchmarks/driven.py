"""A program of the benchmarks as a process of its own, which is told and says one line of JSON at a time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.process import ROOT

_LINE = 2**26  # bytes of the longest line that one says


class Driven:
    """The running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def tell(self, line: str) -> None:
        """One line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """The next that it says. Raises: BenchmarkError where it ended, or says a problem."""
        assert self._process.stdout
        line = await self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line or b'{"problem": "a client ended early"}')
        if "problem" in said:
            raise BenchmarkError(said["problem"])
        return said


@asynccontextmanager
async def driven(module: str) -> AsyncIterator[Driven]:
    """`python -m module`, whose standard input is closed at the end, which ends it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, stdin=pipe, stdout=pipe, limit=_LINE
    )
    try:
        yield Driven(process)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


def say(what: dict[str, object]) -> None:
    """From inside such a process."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
