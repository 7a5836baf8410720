"""Empties the outbox: at least once, with growing pauses, and dead letters at the end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import replace

import structlog

from engine.decision_thread import DecisionThread
from engine.errors import EngineError, NotFoundError
from engine.ports import Clock, WorkflowStore
from engine.workflow.desk import TicketDesk
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.sender import DeliveryError, Parcel, Sender
from engine.workflow.ticket import Ticket
from engine.workflow.webhook import Format, Webhook, Webhooks

AT_ONCE = 8  # deliveries on their way
MAX_ATTEMPTS = 12  # with these pauses the last one is some hours behind the first
FIRST_PAUSE = 2.0  # seconds
LONGEST_PAUSE = 3600.0  # seconds
_CALLS = 3  # that a sender makes for one delivery at most
_MARGIN = 30.0  # seconds that deciding may take beside the calls
_IDLE = 0.5  # seconds between looks into an empty outbox


class Courier:
    """One task per engine; no two engines get a delivery at the same time."""

    def __init__(
        self,
        *,
        store: WorkflowStore,
        desk: TicketDesk,
        webhooks: Webhooks,
        senders: Mapping[Format, Sender],
        runner: Runner,
        clock: Clock,
    ) -> None:
        self._store = store
        self._desk = desk
        self._webhooks = webhooks
        self._senders = senders
        self._runner = runner
        self._clock = clock
        self._lease_ms = round((_CALLS * webhooks.longest_timeout + _MARGIN) * 1000)
        self._is_open = True

    def close(self) -> None:
        """Begin nothing more."""
        self._is_open = False

    async def run(self) -> None:
        """Until closed or cancelled. What was claimed when a process dies is tried again when its lease ends."""
        while self._is_open:
            try:
                carried = await self.step()
            except EngineError as error:
                structlog.get_logger().warning("courier_retries", error=str(error))
                carried = 0
            if not carried:
                await asyncio.sleep(_IDLE)

    async def step(self) -> int:
        """Try what is due; how much that was."""
        now_ms = self._clock.now_ms()
        until_ms = now_ms + self._lease_ms
        claimed = await self._runner.decide(self._store.claim_deliveries, now_ms, until_ms, AT_ONCE)
        await asyncio.gather(*(self._carry(tenant, one) for tenant, one in claimed))
        return len(claimed)

    async def _carry(self, tenant: str, delivery: Delivery) -> None:
        webhook = self._webhooks.named(tenant, delivery.webhook)
        try:
            if webhook is None:
                raise DeliveryError("is not configured; requeue it when it is", is_final=True)
            await self._send(tenant, webhook, delivery)
        except NotFoundError:
            pass  # of a ticket that was deleted there is nothing to tell any more
        except DeliveryError as error:
            failed = self._after(delivery, error)
            await self._runner.decide(self._store.put_delivery, tenant, failed)
            self._log(tenant, failed)
            return
        await self._runner.decide(self._store.finish_delivery, tenant, delivery.delivery_id)

    async def _send(self, tenant: str, webhook: Webhook, delivery: Delivery) -> None:
        ticket = await self._ticket(tenant, delivery) if webhook.format is Format.ZAMMAD else None
        parcel = Parcel(webhook=webhook, delivery=delivery, now_ms=self._clock.now_ms(), ticket=ticket)
        called = await self._senders[webhook.format].send(parcel)
        if ticket and called and called != ticket.external_id:
            await self._runner.decide(self._desk.note_external, tenant, ticket.ticket_id, called)

    async def _ticket(self, tenant: str, delivery: Delivery) -> Ticket:
        """The one that it tells of. Raises: NotFoundError."""
        data = json.loads(delivery.body)["data"]
        ticket_id = str(data.get("ticket", data).get("ticket_id", ""))
        return await self._runner.decide(self._desk.ticket, tenant, ticket_id)

    def _after(self, delivery: Delivery, error: DeliveryError) -> Delivery:
        """A failed delivery, to be tried later or dead."""
        attempts = delivery.attempts + 1
        is_dead = error.is_final or attempts >= MAX_ATTEMPTS
        pause = max(error.pause, self._runner.jitter(pause_before(attempts)))
        return replace(
            delivery,
            attempts=attempts,
            state=DeliveryState.DEAD if is_dead else DeliveryState.PENDING,
            due_ms=self._clock.now_ms() + round(pause * 1000),
            error=str(error),
        )

    def _log(self, tenant: str, failed: Delivery) -> None:
        structlog.get_logger().warning(
            "delivery_failed",
            tenant=tenant,
            delivery=failed.delivery_id,
            webhook=failed.webhook,
            attempts=failed.attempts,
            state=failed.state,
            error=failed.error,
        )


class Runner:
    """Where a courier's decisions are made, and its chance."""

    def __init__(self, *, thread: DecisionThread, chance: random.Random) -> None:
        self.thread = thread
        self.decide = thread.run
        self._chance = chance

    def jitter(self, longest: float) -> float:
        """Anything up to that. Source: "full jitter" of exponential backoff."""
        return self._chance.uniform(0, longest)


def pause_before(attempt: int) -> float:
    """The longest pause in seconds before the attempt behind this one."""
    return min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE)
