"""`python -m models`: train, evaluate and use bundles."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from models.commands import COMMANDS, deploy
from models.errors import ModelsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give its exit status (2: the input was wrong, and the message says how)."""
    parser = _build_parser()
    options, rest = parser.parse_known_args(arguments)
    options.rest = rest
    if rest and options.command not in deploy.COMMANDS:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if "key" in options and options.key is None and os.environ.get("YINGDA_SIGNING_KEY"):
        options.key = Path(os.environ["YINGDA_SIGNING_KEY"])
    try:
        COMMANDS[options.command].run(options)
    except (ModelsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models", description="Train, evaluate and use bundles.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        epilog = f"example: {command.example}"
        command.configure(
            commands.add_parser(name, help=command.purpose, description=command.purpose, epilog=epilog)
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
