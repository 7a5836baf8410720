"""One process of a service: its start, its log lines, its health, its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc

from yingda.cli import health
from yingda.cli.errors import StartError
from yingda.cli.log import event as event_of

Say = Callable[[str], None]

STOP_TIMEOUT = 30.0  # seconds to finish what was accepted; the services' own grace is 10
_POLL = 0.05  # seconds between two looks at a program's health
_MAX_LINE = 1 << 20  # bytes of a log line


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A service as a command.

    It logs JSON lines on standard error, one of them `{"event": "<name>_ready", "address": …}`, answers the gRPC
    health protocol at that address, takes `--listen`, and stops on SIGTERM or when its standard input ends.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]


class Run:
    """One process of a program, from its start to its end."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Say) -> None:
        self._name = name
        self._process = process
        self._log = log
        self._words: deque[str] = deque(maxlen=40)  # what it said that is no log line
        self._address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def begin(cls, program: Program, command: Sequence[str], log: Say) -> Run:
        """Start the process: in a group of its own, so that Ctrl-C reaches it through us, in our order.

        Its standard input is a pipe that ends when we do, however we end. Raises: StartError.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=program.environ,
                process_group=0,
                limit=_MAX_LINE,
            )
        except OSError as error:
            raise StartError(f"cannot start the {program.name}: {error.strerror}") from None
        return cls(program.name, process, log)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def serving(self) -> str:
        """The address, once it serves there. Raises: StartError with the program's own words if it ends before."""
        address = await asyncio.shield(self._address)
        while not await self._is_serving(address):
            if self._process.returncode is not None:
                raise self._not_started()
            await asyncio.sleep(_POLL)
        return address

    async def _is_serving(self, address: str) -> bool:
        try:
            return await health.is_serving(address)
        except grpc.aio.AioRpcError:
            return False

    async def ended(self) -> str:
        """How it ended, such as "signal 9, Killed"."""
        code = await self._process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {-code}, {signal.strsignal(-code)}"

    async def stop(self) -> None:
        """Let it finish what it began; kill it if that takes too long, or when cancelled meanwhile."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        """Pass log lines on until it ends, and catch the one that says where it serves."""
        assert self._process.stderr is not None
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than any log line; the reader has dropped it
                continue
            if not line:
                break
            self._take(line.decode(errors="replace").rstrip())
        await self._process.wait()
        if not self._address.done():
            self._address.set_exception(self._not_started())
            self._address.exception()  # nobody may be waiting

    def _take(self, line: str) -> None:
        event = event_of(line)
        if not event and not self._address.done():
            self._words.append(line)
            return
        self._log(line)
        if event.get("event") == f"{self._name}_ready" and not self._address.done():
            self._address.set_result(str(event["address"]))

    def _not_started(self) -> StartError:
        said = _from_first(f"{self._name}: ", [line for line in self._words if line.strip()])
        if not said:
            return StartError(
                f"the {self._name} ended before it served (exit code {self._process.returncode})"
            )
        if any(line.startswith("Traceback") for line in said):
            return StartError(f"the {self._name} failed: {said[-1]}; `yingda doctor` checks the installation")
        return StartError("\n".join(said))


def _from_first(start: str, lines: list[str]) -> list[str]:
    """What a program says of itself, without what libraries print before; all of it where it says nothing."""
    first = next((row for row, line in enumerate(lines) if line.startswith(start)), 0)
    return lines[first:]
