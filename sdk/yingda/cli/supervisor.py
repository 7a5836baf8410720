"""Programs that run beside this one: started, watched, started again when they die, and stopped in order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import NoReturn, TypeVar

from yingda.cli.errors import GaveUpError, StartError
from yingda.cli.process import Program, Run, Say

R = TypeVar("R")

START_TIMEOUT = 60.0  # seconds until a program serves
MAX_DEATHS = 5  # in DEATH_WINDOW, then there is no use in trying again
DEATH_WINDOW = 60.0  # seconds
FIRST_DELAY = 0.1  # seconds before a restart; doubled with each death in the window


class Service:
    """A program that is kept running."""

    def __init__(self, program: Program, *, log: Say, say: Say) -> None:
        self.name = program.name
        self.address = ""
        self._program = program
        self._log = log
        self._say = say
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)
        self._run: Run | None = None

    async def start(self) -> None:
        """Start it and wait until it serves, at the address it had before. Raises: StartError."""
        command = [*self._program.command, *(("--listen", self.address) if self.address else ())]
        self._run = await Run.begin(self._program, command, self._log)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self.address = await self._run.serving()
        except TimeoutError:
            await self._run.stop()
            raise StartError(f"the {self.name} did not serve within {START_TIMEOUT:.0f} seconds") from None

    async def keep(self) -> NoReturn:
        """Start it again whenever it dies. Raises: GaveUpError after the fifth death in a minute."""
        while True:
            assert self._run is not None
            how = f"the {self.name} died ({await self._run.ended()})"
            await asyncio.sleep(self._delay(how))
            try:
                await self.start()
            except StartError as error:
                self._say(str(error))
                continue
            self._say(f"the {self.name} serves again")

    async def stop(self) -> None:
        """Stop it; nothing if it never started."""
        if self._run is not None:
            await self._run.stop()

    @property
    def pid(self) -> int | None:
        """Its process now."""
        return self._run.pid if self._run else None

    def _delay(self, how: str) -> float:
        """Note a death; the seconds to wait."""
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > DEATH_WINDOW:
            self._deaths.popleft()
        self._deaths.append(now)
        if len(self._deaths) == MAX_DEATHS:
            raise GaveUpError(
                f"{how}, {MAX_DEATHS} times in {DEATH_WINDOW:.0f} seconds: gave up; its last lines above say why"
            )
        delay = FIRST_DELAY * (1 << len(self._deaths) - 1)
        self._say(f"{how}; starting it again in {delay:g} s")
        return delay


async def keep_running(services: Sequence[Service], body: Coroutine[object, object, R]) -> R:
    """What `body` gives, while the services are kept running. Raises: GaveUpError, what `body` raises."""
    main = asyncio.create_task(body)
    keepers = [asyncio.create_task(service.keep()) for service in services]
    try:
        await asyncio.wait([main, *keepers], return_when=asyncio.FIRST_COMPLETED)
        for keeper in keepers:
            if keeper.done():
                await keeper
        return await main
    finally:
        for task in (main, *keepers):
            task.cancel()
        await asyncio.gather(main, *keepers, return_exceptions=True)


def cancel_on_signals() -> None:
    """SIGTERM and Ctrl-C cancel the current task, so that everything it holds is given up in order."""
    task = asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, task.cancel)
