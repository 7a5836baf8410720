"""Adds to tickets what the tenant's sources say of their customers a moment later.

A rule opens a ticket in the commit of the message, which waits for no source: of a customer who writes for the first
time nothing may be known by then. What comes while this engine runs is added.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from engine.customer.informer import Customers
from engine.customer.profile import Customer, Key
from engine.decision_thread import DecisionThread
from engine.errors import EngineError
from engine.workflow.desk import TicketDesk
from engine.workflow.reading import Reading
from engine.workflow.rule import OpenTicket
from engine.workflow.speech import Speech
from engine.workflow.ticket import Ticket

_MOST = 10_000  # tickets that wait; the oldest are given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A ticket as it was opened, and how."""

    ticket: Ticket
    action: OpenTicket


@dataclass(slots=True, kw_only=True)
class _Expecting:
    opened: Opened
    reading: Reading
    title: str  # as the engine last made it


class Completion:
    """Which tickets wait for whom. Called on the decision thread, but for `is_expecting`."""

    def __init__(self, *, customers: Customers, speech: Speech) -> None:
        self._customers = customers
        self._speech = speech
        self._expecting: OrderedDict[Key, _Expecting] = OrderedDict()

    def expect(self, tenant: str, reading: Reading, opened: Opened) -> None:
        """Wait for what is not known yet of the ticket's customer."""
        if not reading.customer_id or not self._customers.is_on(tenant):
            return
        key = Key(tenant=tenant, channel=reading.channel, customer_id=reading.customer_id)
        self._expecting[key] = _Expecting(opened=opened, reading=reading, title=opened.ticket.title)
        while len(self._expecting) > _MOST:
            self._expecting.popitem(last=False)

    def is_expecting(self, key: Key) -> bool:
        """Whether a ticket waits for the customer; may be asked on any thread."""
        return key in self._expecting

    def forget(self, key: Key) -> None:
        """Nothing of the customer is waited for any more; on the decision thread."""
        self._expecting.pop(key, None)

    def complete(self, customer: Customer, desk: TicketDesk) -> None:
        """Add what is known now to the ticket that waits for it. Raises: NotFoundError, ContentionError."""
        found = self._expecting.get(customer.key)
        if found is None:
            return
        if not customer.waiting:
            del self._expecting[customer.key]
        ticket, action, reading = found.opened.ticket, found.opened.action, found.reading
        facts = {**customer.facts_for(reading.text), **reading.metadata}
        kept = self._speech.kept(action, facts)
        title = self._speech.title(action.title, {**facts, **ticket.facts}, reading.language)
        desk.complete(customer.key.tenant, ticket.ticket_id, kept, (found.title, title))
        found.title = title


class Arrivals:
    """Hears on the event loop what sources say, and completes tickets on the decision thread."""

    def __init__(self, *, completion: Completion, desk: TicketDesk, thread: DecisionThread) -> None:
        self._completion = completion
        self._desk = desk
        self._thread = thread
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, customer: Customer) -> None:
        """More is known of a customer."""
        if self._completion.is_expecting(customer.key):
            task = asyncio.create_task(self._complete(customer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _complete(self, customer: Customer) -> None:
        try:
            await self._thread.run(self._completion.complete, customer, self._desk)
        except EngineError as error:
            structlog.get_logger().warning(
                "ticket_not_completed", tenant=customer.key.tenant, error=str(error)
            )
