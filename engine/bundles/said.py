"""What was answered to messages, as it is compared."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import OUT_OF_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an answer says of a message."""

    conversation_id: str
    bundle_id: str  # that read it
    intent: str
    confidence: float
    language: str
    is_duplicate: bool

    @property
    def is_out_of_scope(self) -> bool:
        """Whether no intent was certain enough."""
        return self.intent == OUT_OF_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message, and what was answered to it."""

    tenant: str
    channel: int
    message_id: str
    text: str
    said: Said
