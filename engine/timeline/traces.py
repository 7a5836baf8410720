"""What beside the journal tells of a customer: tickets, what calls were answered, what is still to be sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.domain import Change
from engine.errors import ContentionError
from engine.ports import Store
from engine.workflow.outbox import Delivery, FollowUp
from engine.workflow.ticket import Ticket, TicketFilter

_PAGE: Final = 64  # tickets, receipts or deliveries that are looked through at a time
_ATTEMPTS: Final = 20  # a stale commit means another engine got on, so as many in a row are a fault
_EVERY: Final = TicketFilter()
Fields = dict[str, Any]
Run = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer. `channels` are those on which the id means them."""

    tenant: str
    customer_id: str
    channels: Collection[int]
    conversation_ids: Collection[str] = ()

    def is_in(self, fields: Mapping[str, Any]) -> bool:
        """Whether a ticket's or a delivery's fields are about them."""
        named = fields.get("customer_id") == self.customer_id
        # A ticket that was opened by hand may name a customer and no channel.
        is_theirs = named and (fields.get("channel", 0) or 0) in (0, *self.channels)
        return is_theirs or fields.get("conversation_id", "") in self.conversation_ids


class Traces:
    """Used on the event loop; `run` does on the decision thread what is done a page at a time."""

    def __init__(self, *, store: Store, run: Run) -> None:
        self._store = store
        self._run = run

    async def clean(self, who: Person) -> list[str]:
        """Take the customer's words out, and what is to be sent about them away; the texts that were taken."""
        tickets = [one async for one in self._tickets(who)]
        texts: list[str] = []
        for one in tickets:
            texts += await self._run(self._clean_ticket, who.tenant, one.ticket_id)
        ticket_ids = {one.ticket_id for one in tickets}
        texts += await self._clean_receipts(who, ticket_ids)
        return texts + await self._drop_deliveries(who, ticket_ids)

    async def _tickets(self, who: Person) -> AsyncIterator[Ticket]:
        before: tuple[int, str] | None = None
        while page := await self._run(self._store.workflow.tickets, who.tenant, _EVERY, before, _PAGE):
            for one in page:
                if who.is_in(_ticket_fields(one)):
                    yield one
            before = page[-1].opened_ms, page[-1].ticket_id

    def _clean_ticket(self, tenant: str, ticket_id: str) -> list[str]:
        texts: list[str] = []
        workflow, said = self._store.workflow, 0
        while comments := workflow.comments(tenant, ticket_id, said, _PAGE):
            texts += [one.text for one in comments]
            said = comments[-1].number
        self._store.archive.drop_comments(tenant, [ticket_id])
        for _ in range(_ATTEMPTS):
            before = workflow.ticket(tenant, ticket_id)
            if before is None or (clean := _nobodys(before)) == before:
                return texts
            after = replace(clean, version=before.version + 1)
            if self._store.commit([Change(tenant=tenant, follow_up=FollowUp(tickets=[after]))]) == [True]:
                return [*texts, *_words(_ticket_fields(before))]
        raise ContentionError(f"ticket {ticket_id} changed under {_ATTEMPTS} attempts; try again")

    async def _clean_receipts(self, who: Person, ticket_ids: Collection[str]) -> list[str]:
        """A call that comes again is still known, and told the ticket as it is now."""
        texts: list[str] = []
        archive, place, is_over = self._store.archive, "", False
        while not is_over:
            found, place = await self._run(archive.receipts, who.tenant, place, _PAGE)
            is_over = not place
            for request_id, data in found.items():
                fields = _fields(data)
                if fields.get("ticket_id") in ticket_ids or who.is_in(fields):
                    texts += _words(fields)
                    await self._run(archive.put_receipt, who.tenant, request_id, _without(fields))
        return texts

    async def _drop_deliveries(self, who: Person, ticket_ids: Collection[str]) -> list[str]:
        texts: list[str] = []
        after = (0, "")
        while page := await self._run(self._store.workflow.deliveries, who.tenant, None, after, _PAGE):
            for one in page:
                told = list(_parts(_told(one)))
                if any(part.get("ticket_id") in ticket_ids or who.is_in(part) for part in told):
                    texts += [text for part in told for text in _words(part)]
                    await self._run(self._store.workflow.finish_delivery, who.tenant, one.delivery_id)
            after = page[-1].created_ms, page[-1].delivery_id
        return texts


def _nobodys(ticket: Ticket) -> Ticket:
    return replace(ticket, title=ticket.ticket_id, customer_id="", facts={}, comments=0)


def _ticket_fields(ticket: Ticket) -> Fields:
    return {
        "customer_id": ticket.customer_id,
        "channel": ticket.channel,
        "conversation_id": ticket.conversation_id,
        "title": ticket.title,
        "facts": ticket.facts,
    }


def _fields(data: bytes) -> Fields:
    found = json.loads(data)
    return found if isinstance(found, dict) else {}


def _without(fields: Fields) -> bytes:
    """A receipt without its customer's words; of a ticket, or of a comment."""
    clean = {"title": fields.get("ticket_id", ""), "customer_id": "", "facts": {}, "text": ""}
    return json.dumps({name: clean.get(name, value) for name, value in fields.items()}).encode()


def _told(delivery: Delivery) -> Fields:
    data: Fields = _fields(delivery.body).get("data", {})
    return data


def _parts(data: Fields) -> Iterator[Fields]:
    """What is told, and of a comment the ticket that it is about."""
    yield data
    if isinstance(ticket := data.get("ticket"), dict):
        yield ticket


def _words(fields: Mapping[str, Any]) -> list[str]:
    """Texts that may be a customer's."""
    named = [fields[name] for name in ("title", "text") if name in fields]
    return [text for text in (*named, *fields.get("facts", {}).values()) if isinstance(text, str) and text]
