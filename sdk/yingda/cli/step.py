"""Steps that take a while, with the seconds they took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from yingda.cli import render


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that it is being done (a spinner on a terminal), and once it is, the seconds."""
    console = render.console()
    started = time.monotonic()
    with console.status(f"{title} …"):
        yield
    console.print(render.cell(f"  ✓ {title:<44} {time.monotonic() - started:5.1f} s"))
