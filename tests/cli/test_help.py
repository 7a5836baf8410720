from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
from yingda.cli import main, program

ACTIONS = {
    "serve",
    "demo",
    "chat",
    "route",
    "suggest",
    "agents list",
    "agents put",
    "agents presence",
    "replies list",
    "replies put",
    "replies delete",
    "replies import",
    "replies export",
    "replies lint",
    "replies search",
    "replies gaps",
    "replies auto show",
    "replies auto on",
    "replies auto off",
    "replies auto try",
    "replies auto choose",
    "conversations list",
    "conversations show",
    "conversations events",
    "conversations close",
    "conversations complete",
    "conversations transfer",
    "conversations join",
    "customers show",
    "customers activity",
    "customers report",
    "bots list",
    "bots forget",
    "models activate",
    "models canary",
    "models disagreements",
    "models list",
    "models put",
    "models rollback",
    "models shadow",
    "models status",
    "rules list",
    "rules put",
    "rules delete",
    "rules lint",
    "rules explain",
    "rules test",
    "tickets list",
    "tickets show",
    "tickets open",
    "tickets update",
    "tickets delete",
    "tickets comment",
    "outbox list",
    "outbox requeue",
    "conversations export",
    "policy show",
    "policy set",
    "replay",
    "delete-customer",
    "doctor",
    "plan",
}


def leaves(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    nested = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for one in nested:
        for name, below in one.choices.items():
            yield from leaves(below, f"{path} {name}".strip())
    if not nested:
        yield path, parser


COMMANDS = dict(leaves(program.parser({})))


def test_every_command_is_there() -> None:
    assert set(COMMANDS) == ACTIONS


@pytest.mark.parametrize("path", sorted(ACTIONS))
def test_help_shows_an_example_that_parses(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.run([*path.split(), "--help"])
    example = capsys.readouterr().out.partition("example: yingda ")[2]

    assert ended.value.code == 0
    assert example.startswith(path)
    assert program.parser({}).parse_args(shlex.split(example)).run


@pytest.mark.parametrize("path", sorted(ACTIONS - {"serve", "demo", "plan"}))
def test_commands_that_ask_a_gateway_take_its_options_from_the_environment(path: str) -> None:
    parser = program.parser({"YINGDA_TARGET": "far:1", "YINGDA_TOKEN": "secret"})
    example = shlex.split((COMMANDS[path].epilog or "").removeprefix("example: yingda "))
    args = parser.parse_args(example)

    assert (args.target, args.token, args.tenant) == ("far:1", "secret", "default")


def test_the_client_s_installation_is_enough_to_talk_to_a_gateway() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['engine', 'gateway', 'models', 'yaml', 'pydantic',"
        " 'structlog', 'numpy', 'grpc_health', 'grpc_status'])); from yingda.cli import main;"
        " sys.exit(main(['route', 'hi', '--target', '127.0.0.1:1']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "no gateway listens" in ended.stderr


def test_without_rich_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)

    assert main(["--help"]) == 2
    assert "pip install 'yingda[cli]'" in capsys.readouterr().err
