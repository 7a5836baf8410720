"""Slots of a canned reply: `{name}`; "{{" and "}}" are literal braces. Nothing is ever executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from engine.assist import fact, markup
from engine.domain import Filled
from engine.errors import InvalidArgumentError

MAX_FILLED = 8192  # bytes; facts that make a text longer are not used
_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,63})\}|[{}]")


class SlotType(StrEnum):
    """What may stand in a slot."""

    NAME = "name"
    CODE = "code"
    TEXT = "text"
    DATE = "date"
    MONEY = "money"


# The slots of the shipped pack; `[engine.slots]` adds a tenant's own.
SLOTS: Mapping[str, SlotType] = {
    "address": SlotType.TEXT,
    "agent_name": SlotType.NAME,
    "amount": SlotType.MONEY,
    "carrier": SlotType.NAME,
    "coupon_code": SlotType.CODE,
    "customer_name": SlotType.NAME,
    "date": SlotType.DATE,
    "eta_date": SlotType.DATE,
    "order_id": SlotType.CODE,
    "product_name": SlotType.TEXT,
    "refund_amount": SlotType.MONEY,
    "refund_date": SlotType.DATE,
    "ship_date": SlotType.DATE,
    "shop_name": SlotType.NAME,
    "ticket_id": SlotType.CODE,
    "tracking_no": SlotType.CODE,
}


def slots(text: str) -> tuple[str, ...]:
    """Names of the slots in order, each once. Raises: InvalidArgumentError for a brace that is no part of one."""
    names: dict[str, None] = {}
    for token in _TOKEN.finditer(text):
        if token[0] in ("{", "}"):
            raise InvalidArgumentError(
                "reply.text",
                f"'{token[0]}' at character {token.start() + 1} belongs to no slot; "
                "write {name} for a slot (a-z, 0-9, _) or double the brace to send it",
            )
        if token[1]:
            names[token[1]] = None
    return tuple(names)


class SlotFiller:
    """Fills slots with facts. `known` are the slots there are."""

    def __init__(self, known: Mapping[str, SlotType]) -> None:
        self.known = known

    def fill(self, text: str, facts: Mapping[str, str], *, language: str, channel: int) -> Filled:
        """The text with its facts, each as plain characters; one that does not fit its slot's type is not used.

        What a fact holds is never read as a slot, and an open slot stays as it was written.
        """
        missing: dict[str, None] = {}

        def replaced(token: re.Match[str]) -> str:
            name = token[1]
            if not name:
                return token[0][0]
            value = fact.shown(facts.get(name, ""), self.known.get(name, SlotType.TEXT), language)
            if value is None:
                missing[name] = None
                return token[0]
            return markup.escape(value, channel)

        filled = _TOKEN.sub(replaced, text)
        if facts and len(filled.encode()) > MAX_FILLED:
            return self.fill(text, {}, language=language, channel=channel)
        return Filled(filled, tuple(missing))

    def check(self, names: tuple[str, ...]) -> None:
        """Raises: InvalidArgumentError for a slot that is none of the known."""
        for name in names:
            if name not in self.known:
                raise InvalidArgumentError(
                    "reply.text",
                    f"{{{name}}} is no slot; known are {', '.join(sorted(self.known))}; "
                    "add yours under [engine.slots]",
                )
