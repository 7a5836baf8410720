"""Lets every engine of a store forget the texts that it remembers, when one of them took a customer's out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from engine.decision_thread import DecisionThread
from engine.errors import EngineError
from engine.ports import EVERYONE, AssistStore

LOOK: Final = 0.5  # seconds between two looks at what other engines did
_KIND, _KEY = "forgotten", "last"


class Oblivion:
    """`forget` empties what this engine remembers. Called on the decision thread, but for `run`."""

    def __init__(self, *, store: AssistStore, forget: Callable[[], None], is_shared: bool) -> None:
        self._store = store
        self._forget = forget
        self._is_shared = is_shared
        self._seen = 0

    def proclaim(self) -> None:
        """Forget, and let the others."""
        self._forget()
        if self._is_shared:
            self._store.put_document(EVERYONE, _KIND, _KEY, b"")

    def look(self) -> None:
        """Forget where another engine did since the last look."""
        version = self._store.versions(EVERYONE).get(_KIND, 0)
        if version != self._seen:
            self._seen = version
            self._forget()

    async def run(self, thread: DecisionThread) -> None:
        """Look from time to time, until cancelled; not where no other engine uses the store."""
        while self._is_shared:
            await asyncio.sleep(LOOK)
            try:
                await thread.run(self.look)
            except EngineError as error:
                structlog.get_logger().warning("oblivion_retries", error=str(error))
