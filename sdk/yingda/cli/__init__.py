"""The command line `yingda`: starts the services as processes and talks to them by RPC."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    if find_spec("rich") is None:
        print("yingda: the command line needs rich: pip install 'yingda[cli]'", file=sys.stderr)
        return 2
    try:
        from yingda.cli import program  # noqa: PLC0415  # it imports rich, which only the extra brings

        return program.run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
