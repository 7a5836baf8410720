"""What becomes of the services' log lines."""

from __future__ import annotations

import json
import sys

from yingda.cli import render

_DAILY = ("debug", "info")


def pass_on(line: str) -> None:
    """To standard error as it came; a terminal sees only what is out of the ordinary."""
    if sys.stderr.isatty():
        show_trouble(line)
    else:
        print(line, file=sys.stderr, flush=True)


def show_trouble(line: str) -> None:
    """Lines of level warning and above, and those that are no log lines."""
    if event(line).get("level") not in _DAILY:
        render.note(line)


def event(line: str) -> dict[str, object]:
    """A log line's fields; none for a line of another kind."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
