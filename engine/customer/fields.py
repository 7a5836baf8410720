"""Rows of whatever shape to what we know of a customer: which of their fields is which of ours."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.customer.profile import ORDER, Contact, Order, Part

Row = Mapping[str, object]
MOST_FACTS = 32  # of a customer or of an order
MOST_ORDERS = 20
MOST_CONTACTS = 10
MAX_NAME = 64  # bytes
MAX_VALUE = 512  # bytes
_MILLISECONDS_FROM = 1e11  # numbers above it are no seconds: as such they would be in the year 5138
STATUS, ORDERED, OPENED = "status", "ordered_time", "opened_time"
CONVERSATION, ABOUT = "conversation_id", "about"


class Kind(StrEnum):
    """What the rows of a source are about."""

    PROFILE = "profile"
    ORDERS = "orders"
    CONVERSATIONS = "conversations"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """How a source's rows are read.

    `fields` maps our names to theirs, a path with dots where theirs is nested; none: theirs are ours already. Beside
    slots, orders have "order_id", "status" and "ordered_time", conversations "conversation_id", "about", "status" and
    "opened_time"; a time is ISO 8601, or seconds or milliseconds since 1970.
    """

    kind: Kind
    fields: Mapping[str, str] = field(default_factory=dict)

    def part(self, rows: Sequence[Row]) -> Part:
        """Of one customer's rows; a row without a number or an id is left out."""
        texts = [self._texts(row) for row in rows]
        if self.kind is Kind.PROFILE:
            facts: dict[str, str] = {}
            for one in texts:
                facts |= one
            return Part(facts=dict(list(facts.items())[:MOST_FACTS]))
        if self.kind is Kind.ORDERS:
            orders = [_order(one) for one in texts if one.get(ORDER)]
            newest = sorted(orders, key=lambda one: (-one.ordered_ms, one.order_id))
            return Part(orders=tuple(newest[:MOST_ORDERS]))
        contacts = [_contact(one) for one in texts if one.get(CONVERSATION)]
        latest = sorted(contacts, key=lambda one: (-one.opened_ms, one.conversation_id))
        return Part(contacts=tuple(latest[:MOST_CONTACTS]))

    def _texts(self, row: Row) -> dict[str, str]:
        """Our names, and what the row says as text; what is empty, nested or too long is left out."""
        found = (
            ((ours, at(row, theirs)) for ours, theirs in self.fields.items()) if self.fields else row.items()
        )
        texts = ((name, _text(value)) for name, value in found)
        return {
            name: text
            for name, text in texts
            if text and len(text.encode()) <= MAX_VALUE and 0 < len(name.encode()) <= MAX_NAME
        }


def at(value: object, path: str) -> object:
    """What stands at a path such as "data.items.0.name"; None where nothing does."""
    for step in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def rows_at(value: object, path: str) -> list[Row]:
    """The rows that stand there: a list of objects, or a single one."""
    found = at(value, path)
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, Mapping)]


def time_ms(text: str) -> int:
    """Milliseconds since 1970; 0 where it is no time."""
    try:
        number = float(text)
    except ValueError:
        return _iso_ms(text)
    if not math.isfinite(number) or number < 0:
        return 0
    return round(number if number > _MILLISECONDS_FROM else number * 1000)


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return max(round(aware.timestamp() * 1000), 0)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _order(texts: Mapping[str, str]) -> Order:
    facts = {name: text for name, text in texts.items() if name not in (STATUS, ORDERED)}
    return Order(
        order_id=texts[ORDER],
        status=texts.get(STATUS, ""),
        ordered_ms=time_ms(texts.get(ORDERED, "")),
        facts=dict(list(facts.items())[:MOST_FACTS]),
    )


def _contact(texts: Mapping[str, str]) -> Contact:
    return Contact(
        conversation_id=texts[CONVERSATION],
        about=texts.get(ABOUT, ""),
        status=texts.get(STATUS, ""),
        opened_ms=time_ms(texts.get(OPENED, "")),
    )
