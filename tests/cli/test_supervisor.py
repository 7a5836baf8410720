from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from yingda.cli import health, supervisor
from yingda.cli.errors import GaveUpError, StartError
from yingda.cli.process import Program
from yingda.cli.supervisor import Service, keep_running

CHILD = Path(__file__).with_name("child.py")
Make = Callable[..., Service]


@pytest.fixture
async def make(said: list[str]) -> AsyncIterator[Make]:
    """Services that are stopped after the test."""
    async with AsyncExitStack() as stack:

        def service(*flags: str) -> Service:
            command = (sys.executable, str(CHILD), "--listen", "127.0.0.1:0", *flags)
            program = Program(name="child", command=command, environ=os.environ)
            found = Service(program, log=said.append, say=said.append)
            stack.push_async_callback(found.stop)
            return found

        yield service


@pytest.fixture
def said() -> list[str]:
    return []


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # the child cannot set an event of ours
            await asyncio.sleep(0.02)


def kill(service: Service) -> None:
    assert service.pid
    os.kill(service.pid, signal.SIGKILL)


async def test_a_started_service_serves_at_the_address_it_named(make: Make) -> None:
    service = make()
    await service.start()

    assert await health.is_serving(service.address)


async def test_a_killed_service_comes_back_at_its_address(make: Make, said: list[str]) -> None:
    service = make()
    await service.start()
    address, first = service.address, service.pid

    async def body() -> None:
        kill(service)
        await until(lambda: "the child serves again" in said)

    await keep_running([service], body())

    assert service.address == address
    assert service.pid != first
    assert await health.is_serving(address)
    assert "the child died (signal 9, Killed); starting it again in 0.1 s" in said


async def test_five_deaths_in_a_minute_are_given_up(
    make: Make, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.001)
    service = make("--dies-if", str(tmp_path / "now"))
    await service.start()
    (tmp_path / "now").touch()
    kill(service)

    with pytest.raises(GaveUpError, match="5 times in 60 seconds"):
        await keep_running([service], asyncio.Event().wait())
    assert sum("starting it again" in one for one in said) == 4


async def test_deaths_long_ago_are_forgiven(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    service = make()
    now = time.monotonic()
    service._deaths.extend([now - 61] * 4)

    assert service._delay("died") == supervisor.FIRST_DELAY


async def test_a_service_that_cannot_start_says_why_in_its_own_words(make: Make) -> None:
    said = "E1126 library noise\nchild: the port is in use:\nname another"

    with pytest.raises(StartError, match=r"\Achild: the port is in use:\nname another\Z"):
        await make("--say", said).start()


async def test_a_service_that_breaks_shows_no_traceback(make: Make) -> None:
    said = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'faiss'"

    with pytest.raises(
        StartError, match=r"\Athe child failed: ModuleNotFoundError: No module named 'faiss'; "
    ):
        await make("--say", said).start()


async def test_a_service_that_ends_without_a_word_is_reported(make: Make, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="exit code 2"):
        await make("--dies-if", str(tmp_path)).start()


async def test_a_service_that_never_serves_is_stopped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "START_TIMEOUT", 0.01)
    service = make()

    with pytest.raises(StartError, match="did not serve within"):
        await service.start()
    assert service.pid
    with pytest.raises(ProcessLookupError):
        os.kill(service.pid, 0)


async def test_stopping_lets_a_service_finish(make: Make, tmp_path: Path) -> None:
    service = make("--farewell", str(tmp_path / "farewell"))
    await service.start()
    await service.stop()

    assert (tmp_path / "farewell").read_text() == "finished"


async def test_a_service_that_does_not_stop_is_killed_when_hurried(make: Make) -> None:
    service = make("--deaf")
    await service.start()
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await stopping

    assert not await health.is_listening(service.address)


async def test_a_service_stops_by_itself_when_we_are_gone(make: Make, tmp_path: Path) -> None:
    service = make("--farewell", str(tmp_path / "farewell"))
    await service.start()
    assert service._run
    assert service._run._process.stdin
    service._run._process.stdin.close()

    await until((tmp_path / "farewell").exists)


async def test_what_the_body_gives_comes_back(make: Make) -> None:
    service = make()
    await service.start()

    assert await keep_running([service], asyncio.sleep(0, "done")) == "done"


async def test_a_program_that_is_not_there_is_named() -> None:
    program = Program(name="child", command=("/no/such/program",), environ={})

    with pytest.raises(StartError, match="cannot start the child: No such file"):
        await Service(program, log=print, say=print).start()
