"""Hands a delivery to another system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.http_call import Answer, Call, CallError, Send
from engine.workflow.outbox import Delivery
from engine.workflow.signature import headers
from engine.workflow.ticket import Ticket
from engine.workflow.webhook import Webhook, key_of

_GONE = 410
_LONGEST_PAUSE = 3600.0  # seconds that a receiver may ask for


class DeliveryError(Exception):
    """It did not arrive. `is_final`: it never will; `pause` is how many seconds the receiver asks for."""

    def __init__(self, problem: str, *, is_final: bool = False, pause: float = 0.0) -> None:
        super().__init__(problem)
        self.is_final = is_final
        self.pause = pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery on its way, and for those who keep tickets the ticket that it tells of, as it is by now."""

    webhook: Webhook
    delivery: Delivery
    now_ms: int
    ticket: Ticket | None = None


class Sender(Protocol):
    """Speaks one format."""

    async def send(self, parcel: Parcel) -> str:
        """What the receiver calls the ticket, "" where it says nothing of it. Raises: DeliveryError."""
        ...


class StandardSender:
    """Posts the body, signed."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, parcel: Parcel) -> str:
        """See `Sender`."""
        webhook, delivery = parcel.webhook, parcel.delivery
        signed = headers(key_of(webhook.secret), delivery.delivery_id, parcel.now_ms // 1000, delivery.body)
        must_succeed(
            await ask(
                self._send,
                Call(
                    method="POST",
                    url=webhook.url,
                    headers={"Content-Type": "application/json", **signed},
                    body=delivery.body,
                    timeout=webhook.timeout,
                    private=webhook.private,
                    repeatable=True,  # a receiver knows by the id what it has got already
                ),
            )
        )
        return ""


async def ask(send: Send, call: Call) -> Answer:
    """The answer, whatever its status. Raises: DeliveryError."""
    try:
        return await send(call)
    except CallError as error:
        raise DeliveryError(str(error)) from None


def must_succeed(answer: Answer) -> None:
    """Raises: DeliveryError for any status but 2xx; a redirect is not followed."""
    if not 200 <= answer.status < 300:  # noqa: PLR2004  # HTTP's own numbers
        raise DeliveryError(
            f"answered {answer.status}", is_final=answer.status == _GONE, pause=_pause(answer)
        )


def _pause(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() and len(text) < 7 else 0.0  # noqa: PLR2004
