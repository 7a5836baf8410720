"""Lets what customers wrote grow old, and takes it out then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from engine.errors import EngineError
from engine.ports import Clock, Store
from engine.timeline.privacy import Privacy
from engine.timeline.reader import JournalReader

_DAY_MS: Final = 86_400_000
_LOOK: Final = 3600.0  # seconds between two looks
_BREATH: Final = 0.02  # seconds left to messages between two pages
_KIND, _KEY = "retention", "through"


class Retention:
    """One task per engine. `days` are how long each tenant's texts are kept; who is not named keeps them."""

    def __init__(
        self, *, days: Mapping[str, int], store: Store, reader: JournalReader, privacy: Privacy, clock: Clock
    ) -> None:
        self._days = days
        self._store = store
        self._reader = reader
        self._privacy = privacy
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while self._days:
            for tenant in self._days:
                try:
                    await self.forget_old(tenant)
                except EngineError as error:
                    structlog.get_logger().warning("retention_retries", tenant=tenant, error=str(error))
            await asyncio.sleep(_LOOK)

    async def forget_old(self, tenant: str) -> int:
        """Take out the words of entries that are older than the tenant keeps them, page by page; how many had some."""
        before_ms = self._clock.now_ms() - self._days[tenant] * _DAY_MS
        run = self._reader.on_thread
        kept = (await run(self._store.assist.documents, tenant, _KIND)).get(_KEY, b"0")
        through, rewritten = int(kept), 0
        async for page in self._reader.entries(tenant, after=through):
            old = [one for one in page.events if one.event.time_ms < before_ms]
            rewritten += await self._privacy.rewrite(tenant, old)
            if old:
                await run(self._store.assist.put_document, tenant, _KIND, _KEY, b"%d" % old[-1].sequence)
            if len(old) < len(page.events):
                break
            await asyncio.sleep(_BREATH)
        if rewritten:
            await run(self._store.archive.settle)
        return rewritten
