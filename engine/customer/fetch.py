"""A customer who is being fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.customer.profile import Customer, Part
from engine.customer.shelf import Entry


class Fetch:
    """Of what was not fresh: `waiting` are the sources that have not answered yet, `failed` those that did not.

    Made on the event loop. `done` gives all that is known once nothing is waited for.
    """

    def __init__(self, entry: Entry, due: Sequence[str], now_ms: int) -> None:
        self.entry = entry
        self.waiting = tuple(due)
        self.failed = tuple(one for one in entry.customer.failed if one not in due)
        self.done: asyncio.Future[Customer] = asyncio.get_running_loop().create_future()
        self.is_abandoned = False  # the customer was forgotten meanwhile
        self._begun_ms = now_ms

    def take(self, name: str, part: Part | None, until_ms: int) -> None:
        """What a source says, which need not be asked again until then; None where it failed."""
        self.waiting = tuple(one for one in self.waiting if one != name)
        self.entry.until_ms[name] = until_ms
        if part is None:
            self.failed = (*self.failed, name)
        else:
            self.entry.parts[name] = part

    def end(self, now_ms: int) -> None:
        """Nothing is waited for any more."""
        self.entry.took_ms = now_ms - self._begun_ms
        self.entry.fresh_until_ms = min(self.entry.until_ms.values())
        if not self.done.done():
            self.done.set_result(self.entry.customer)
