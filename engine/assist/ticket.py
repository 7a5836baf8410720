"""A list's id: what the ranking must know again when feedback comes.

It travels with the client, so that feedback counts after a restart and on any engine. It holds no customer's text.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidArgumentError

_SCALE = 127  # an embedding's coordinate in [-1, 1] as one byte
MAX_TICKET = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`arms` names who put each place where a list was mixed, else ""."""

    intent: str
    typed: str
    arms: str
    bundle_id: str
    embedding: npt.NDArray[np.float32]

    def to_text(self) -> str:
        """Letters, digits, "-" and "_"."""
        head = json.dumps([self.intent, self.typed, self.arms, self.bundle_id]).encode()
        tail = np.clip(np.rint(self.embedding * _SCALE), -_SCALE, _SCALE).astype(np.int8).tobytes()
        return base64.urlsafe_b64encode(len(head).to_bytes(2, "big") + head + tail).decode().rstrip("=")


def from_text(text: str) -> Ticket:
    """What `to_text` made. Raises: InvalidArgumentError."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        end = 2 + int.from_bytes(data[:2], "big")
        intent, typed, arms, bundle_id = map(str, json.loads(data[2:end]))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidArgumentError("list_id", "is not one that SuggestReplies gave") from None
    embedding = np.frombuffer(data[end:], dtype=np.int8).astype(np.float32) / np.float32(_SCALE)
    return Ticket(intent=intent, typed=typed, arms=arms, bundle_id=bundle_id, embedding=embedding)
