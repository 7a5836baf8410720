from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

import pytest
from yingda.cli import services
from yingda.cli.errors import StartError
from yingda.cli.process import Program
from yingda.cli.services import Plan, Voice

CHILD = Path(__file__).with_name("child.py")
VOICE = Voice(log=lambda _: None, say=lambda _: None, step=lambda _: nullcontext())


def child(farewell: Path) -> Program:
    command = (sys.executable, str(CHILD), "--listen", "127.0.0.1:0", "--farewell", str(farewell))
    return Program(name="child", command=command, environ=os.environ)


async def test_what_started_last_is_drained_first(tmp_path: Path) -> None:
    engine, gateway = tmp_path / "engine", tmp_path / "gateway"
    async with AsyncExitStack() as stack:
        await services._start(stack, child(engine), VOICE)
        await services._start(stack, child(gateway), VOICE)

    assert gateway.stat().st_mtime_ns < engine.stat().st_mtime_ns


async def test_where_only_the_client_is_installed_the_server_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "find_spec", lambda _: None)

    with pytest.raises(StartError, match="pip install yingda-server"):
        async with services.serving(Plan(data_dir=tmp_path, environ={}), VOICE):
            pass


def test_options_that_were_not_given_are_left_to_file_and_environment(tmp_path: Path) -> None:
    plan = Plan(data_dir=tmp_path, environ={})
    flags = [
        *services._engine(plan, 0, tmp_path / "s").command,
        *services._gateway(plan, [tmp_path / "s"], plan.listen).command,
    ]

    assert not {"--sync", "--bundle", "--config", "--tenant"} & set(flags)
    assert flags.count("--listen") == 1  # the engine's socket


def test_a_folder_named_engine_is_not_taken_for_ours(tmp_path: Path) -> None:
    command = services._engine(Plan(data_dir=tmp_path, environ={}), 0, tmp_path / "s").command

    assert command[1:4] == ["-P", "-m", "engine"]
