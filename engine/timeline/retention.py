"""Lets what customers wrote grow old, takes it out then, and lets go what is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from engine.domain import Change
from engine.errors import EngineError
from engine.ports import Clock, Store
from engine.timeline.privacy import Privacy
from engine.timeline.reader import JournalReader
from engine.workflow.outbox import DeliveryState, FollowUp
from engine.workflow.ticket import TicketFilter, TicketState

_DAY_MS: Final = 86_400_000
_LOOK: Final = 3600.0  # seconds between two looks
_BREATH: Final = 0.02  # seconds left to messages between two pages
_KIND, _KEY, _PRUNED = "retention", "through", "pruned"
_PAGE: Final = 64  # entries, tickets or deliveries that are looked at in one step
_FINISHED: Final = (TicketState.SOLVED, TicketState.CLOSED)


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
                    await self.let_go(tenant)
                except EngineError as error:
                    structlog.get_logger().warning("retention_retries", tenant=tenant, error=str(error))
            await asyncio.sleep(_LOOK)

    async def forget_old(self, tenant: str) -> int:
        """Take out the words of entries that are older than the tenant keeps them, page by page; how many had some."""
        before_ms, run = self._before_ms(tenant), self._reader.on_thread
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

    async def let_go(self, tenant: str) -> int:
        """Take away what is old and over: entries, finished tickets, dead deliveries; how many tickets and deliveries.

        Step by step, so that messages wait for none of it long.
        """
        before_ms, run = self._before_ms(tenant), self._reader.on_thread
        archive, assist = self._store.archive, self._store.assist
        place, after = int((await run(assist.documents, tenant, _KIND)).get(_PRUNED, b"0")), -1
        while place != after:
            after = place
            place = await run(archive.prune, tenant, after, before_ms, _PAGE)
            if place != after:
                await run(assist.put_document, tenant, _KIND, _PRUNED, b"%d" % place)
            await asyncio.sleep(_BREATH)
        return await self._drop_tickets(tenant, before_ms) + await self._drop_deliveries(tenant, before_ms)

    async def _drop_tickets(self, tenant: str, before_ms: int) -> int:
        """Those that are finished and were not touched since."""
        dropped = 0
        for state in _FINISHED:
            wanted, before = TicketFilter(state=state), (before_ms, "")
            while found := await self._reader.on_thread(
                self._store.workflow.tickets, tenant, wanted, before, _PAGE
            ):
                before = found[-1].opened_ms, found[-1].ticket_id
                old = [one for one in found if one.updated_ms < before_ms]
                changes = [Change(tenant=tenant, follow_up=FollowUp(dropped=[one])) for one in old]
                if changes:
                    dropped += sum(await self._reader.on_thread(self._store.commit, changes))
                await asyncio.sleep(_BREATH)
        return dropped

    async def _drop_deliveries(self, tenant: str, before_ms: int) -> int:
        """Those that are dead since; nobody asked for them to be tried again."""
        dropped, after = 0, (0, "")
        workflow, run = self._store.workflow, self._reader.on_thread
        while found := await run(workflow.deliveries, tenant, DeliveryState.DEAD, after, _PAGE):
            after = found[-1].created_ms, found[-1].delivery_id
            old = [one for one in found if one.created_ms < before_ms]
            for one in old:
                await run(workflow.finish_delivery, tenant, one.delivery_id)
            dropped += len(old)
            if len(old) < len(found):
                break
        return dropped

    def _before_ms(self, tenant: str) -> int:
        return self._clock.now_ms() - self._days[tenant] * _DAY_MS
