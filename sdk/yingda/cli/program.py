"""All commands behind one parser, and what becomes of their errors."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from yingda.cli import (
    agents,
    bots,
    chat,
    conversations,
    customers,
    delete_customer,
    demo,
    doctor,
    models,
    outbox,
    plan,
    policy,
    replay,
    replies,
    route,
    rules,
    serve,
    suggest,
    tickets,
)
from yingda.cli.errors import CommandError
from yingda.cli.options import Group, gateway_options, output_options

COMMANDS = (
    serve,
    demo,
    chat,
    route,
    suggest,
    agents,
    replies,
    conversations,
    replay,
    customers,
    delete_customer,
    bots,
    rules,
    tickets,
    outbox,
    policy,
    models,
    plan,
    doctor,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code: 0 done, 1 refused or wrong, 2 not started or not reached."""
    _replace_what_cannot_be_shown()
    args = parser(os.environ).parse_args(_readable(arguments))
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except CommandError as error:
        print(f"yingda: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone, as `| head` does; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The whole command line; YINGDA_TARGET and YINGDA_TOKEN are its defaults."""
    whole = argparse.ArgumentParser(
        prog="yingda",
        description="Yingda, the engine for omnichannel customer service.",
        epilog="example: yingda demo",
    )
    whole.add_argument("--version", action="version", version=f"yingda {version('yingda')}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    group = Group(commands=commands, gateway=gateway_options(environ), output=output_options())
    for command in COMMANDS:
        command.add(group)
    return whole


def _readable(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments, unless one holds bytes that are no text: no message or id may."""
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            print(f"yingda: {argument!a} is not valid UTF-8", file=sys.stderr)
            raise SystemExit(2)
    return arguments


def _replace_what_cannot_be_shown() -> None:
    """A terminal without Chinese shows question marks; bad bytes on standard input read as U+FFFD."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
