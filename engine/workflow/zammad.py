"""Tickets in Zammad, by its REST API.

Zammad has no key that makes a call idempotent, so a ticket bears our number in its title and an article ours in its
subject, and both are looked for before they are made.
Source: https://docs.zammad.org/en/latest/api/ticket/index.html, …/articles.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from engine.http_call import Call, Send
from engine.workflow.payload import of_ticket
from engine.workflow.sender import DeliveryError, Parcel, ask, must_succeed

_HIGH = 7  # our priority from which Zammad's is high
_STATES = {"open": "open", "pending": "pending reminder", "solved": "closed", "closed": "closed"}
_NOT_FOUND = 404


class ZammadSender:
    """See `sender.Sender`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ways: Mapping[str, Callable[[Parcel, Mapping[str, Any]], Awaitable[str]]] = {
            "ticket.opened": self._open,
            "ticket.changed": self._change,
            "ticket.commented": self._comment,
        }

    async def send(self, parcel: Parcel) -> str:
        """See `sender.Sender`."""
        tell = self._ways.get(parcel.delivery.kind)
        if tell is None:
            raise DeliveryError(f"Zammad takes tickets, not {parcel.delivery.kind}", is_final=True)
        data: Mapping[str, Any] = json.loads(parcel.delivery.body)["data"]
        if parcel.ticket and parcel.delivery.kind == "ticket.opened":
            data = of_ticket(parcel.ticket)  # with what was learned of the customer meanwhile
        try:
            return await tell(parcel, data)
        except (KeyError, TypeError):
            raise DeliveryError("answered what Zammad's API does not; is the url that of Zammad?") from None

    async def _open(self, parcel: Parcel, ticket: Mapping[str, Any]) -> str:
        marked = f"[{ticket['ticket_id']}]"
        query = f"tickets/search?query={quote(ticket['ticket_id'])}&limit=10&expand=true"
        for found in await self._ask(parcel, "GET", query):
            if str(found["title"]).startswith(marked):
                return str(found["id"])
        made = await self._ask(
            parcel, "POST", "tickets", _ticket(parcel, ticket, f"{marked} {ticket['title']}")
        )
        return str(made["id"])

    async def _change(self, parcel: Parcel, ticket: Mapping[str, Any]) -> str:
        ticket_id = _known(parcel)
        change = {
            "title": f"[{ticket['ticket_id']}] {ticket['title']}",
            "priority": _priority(ticket),
            "state": _STATES[ticket["state"]],
        }
        if ticket["state"] == "pending":
            change["pending_time"] = ticket["due_time"] or ticket["update_time"]
        await self._ask(parcel, "PUT", f"tickets/{ticket_id}", change)
        return ticket_id

    async def _comment(self, parcel: Parcel, said: Mapping[str, Any]) -> str:
        ticket_id = _known(parcel)
        subject = f"{said['ticket']['ticket_id']} #{said['number']}"
        articles = await self._ask(parcel, "GET", f"ticket_articles/by_ticket/{ticket_id}")
        if not any(one["subject"] == subject for one in articles):
            article = _article(subject, said["text"], internal=not said["is_public"])
            await self._ask(parcel, "POST", "ticket_articles", {"ticket_id": int(ticket_id), **article})
        return ticket_id

    async def _ask(
        self, parcel: Parcel, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        webhook = parcel.webhook
        call = Call(
            method=method,
            url=f"{webhook.url.rstrip('/')}/api/v1/{path}",
            headers={"Content-Type": "application/json", "Authorization": f"Token token={webhook.token}"},
            body=json.dumps(body).encode() if body is not None else b"",
            timeout=webhook.timeout,
            private=webhook.private,
        )
        answer = await ask(self._send, call)
        if answer.status == _NOT_FOUND:
            raise DeliveryError(f"Zammad knows no {path.partition('?')[0]}", is_final=True)
        must_succeed(answer)
        try:
            return json.loads(answer.body)
        except ValueError:
            raise DeliveryError("Zammad answered no JSON; is the url that of Zammad itself?") from None


def _ticket(parcel: Parcel, ticket: Mapping[str, Any], title: str) -> dict[str, Any]:
    lines = [f"{name}: {value}" for name, value in ticket["facts"].items()]
    lines.append(f"conversation: {ticket['conversation_id'] or 'none'}")
    email = ticket["facts"].get("email")
    return {
        "title": title,
        "group": parcel.webhook.group,
        # "guess:" makes a user of an address that Zammad does not know yet.
        **({"customer_id": f"guess:{email}"} if email else {"customer": parcel.webhook.customer}),
        "priority": _priority(ticket),
        "tags": ",".join(ticket["tags"]),
        "article": _article(title, "\n".join(lines), internal=True),
    }


def _article(subject: str, body: str, *, internal: bool) -> dict[str, Any]:
    return {
        "subject": subject,
        "body": body,
        "content_type": "text/plain",
        "type": "note",
        "internal": internal,
    }


def _priority(ticket: Mapping[str, Any]) -> str:
    return "3 high" if ticket["priority"] >= _HIGH else "2 normal"


def _known(parcel: Parcel) -> str:
    if not parcel.ticket or not parcel.ticket.external_id:
        raise DeliveryError("Zammad has not got the ticket yet")
    return parcel.ticket.external_id
