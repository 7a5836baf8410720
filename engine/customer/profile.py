"""What is known of a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NAME = "customer_name"  # the slot that a customer's name fills
ORDER = "order_id"  # the slot that an order's number fills


class Key(NamedTuple):
    """Names a customer: ids are the channel's own. A tuple, since every message looks for some."""

    tenant: str
    channel: int
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. `facts` go by the names of slots, its number included; `ordered_ms` is 0 where it is not known."""

    order_id: str
    status: str = ""
    ordered_ms: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An earlier conversation. `about` is what it was about, a skill or words; `opened_ms` 0 for not known."""

    conversation_id: str
    about: str = ""
    status: str = ""
    opened_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one source knows. `facts` go by the names of slots; orders and contacts come newest first."""

    facts: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """All of it. `waiting` are the sources that have not answered yet, `failed` those that did not.

    `fetched_ms` is when the last one answered, 0 for none yet.
    """

    key: Key
    facts: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    contacts: tuple[Contact, ...] = ()
    fetched_ms: int = 0
    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def facts_for(self, text: str) -> Mapping[str, str]:
        """Facts that may stand in a reply to this text.

        An order's are among them where the text names it, or where the customer has no other: with several, nobody
        can know which one is meant.
        """
        named = [one for one in self.orders if one.order_id and one.order_id in text]
        meant = named if named else self.orders
        return {**self.facts, **meant[0].facts} if len(meant) == 1 else self.facts


def joined(
    key: Key,
    parts: Sequence[Part],
    fetched_ms: int,
    waiting: tuple[str, ...] = (),
    failed: tuple[str, ...] = (),
) -> Customer:
    """Of what several sources know; an order or fact that two of them have is the first one's."""
    facts: dict[str, str] = {}
    orders: dict[str, Order] = {}
    contacts: dict[str, Contact] = {}
    for part in reversed(parts):
        facts |= part.facts
        orders |= {one.order_id: one for one in part.orders}
        contacts |= {one.conversation_id: one for one in part.contacts}
    return Customer(
        key=key,
        facts=facts,
        orders=tuple(sorted(orders.values(), key=lambda one: (-one.ordered_ms, one.order_id))),
        contacts=tuple(sorted(contacts.values(), key=lambda one: (-one.opened_ms, one.conversation_id))),
        fetched_ms=fetched_ms,
        waiting=waiting,
        failed=failed,
    )
