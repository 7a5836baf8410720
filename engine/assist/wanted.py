"""What an agent asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`messages` are the customer's last, oldest first; "" and 0 mean not given."""

    typed: str = ""
    messages: Sequence[str] = ()
    conversation_id: str = ""
    language: str = ""
    team: str = ""
    channel: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    limit: int
