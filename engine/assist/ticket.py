"""A list's id: what the ranking must know again when feedback comes.

It travels with the client, so that feedback counts after a restart and on any engine. It holds no customer's text.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from engine.errors import InvalidArgumentError

MAX_TICKET = 1024  # bytes
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # `json.dumps` would make one for every list


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`arms` names who put each place where a list was mixed, else ""."""

    intent: str
    typed: str = ""
    arms: str = ""

    def to_text(self) -> str:
        """Letters, digits, "-" and "_"."""
        data = _ENCODER.encode([self.intent, self.typed, self.arms])
        return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def from_text(text: str) -> Ticket:
    """What `to_text` made. Raises: InvalidArgumentError."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        intent, typed, arms = json.loads(data)
    except (binascii.Error, ValueError, TypeError):
        raise InvalidArgumentError("list_id", "is not one that SuggestReplies gave") from None
    if not all(isinstance(one, str) for one in (intent, typed, arms)) or set(arms) - {"L", "S"}:
        raise InvalidArgumentError("list_id", "is not one that SuggestReplies gave")
    return Ticket(intent=intent, typed=typed, arms=arms)
