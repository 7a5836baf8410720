"""The engine's values for many messages at once, as columns; `engine.domain` gives them with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from operator import eq

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the caller knows about whom to give a conversation to; see `Requirement` for the fields."""

    agent_id: str = ""
    preferred_agent_id: str = ""
    team: str = ""
    priority: int = 0
    vip: int = 0


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBatch:
    """Messages in the order they came, as columns of equal length. `raw` is each one as it came over the wire."""

    tenants: Sequence[str]
    channels: Sequence[int]
    message_ids: Sequence[str]
    conversation_ids: Sequence[str]
    customer_ids: Sequence[str]
    texts: Sequence[str]
    locales: Sequence[str]
    hints: Sequence[Hints]
    metadata: Sequence[Mapping[str, str]]
    raw: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.message_ids)

    def keys(self) -> list[str]:
        """What names each message for ever within its tenant."""
        return [
            f"{channel}:{message_id}"
            for channel, message_id in zip(self.channels, self.message_ids, strict=True)
        ]

    def take(self, rows: Sequence[int]) -> MessageBatch:
        """The batch of these rows only, in the order given."""
        if rows == range(len(self)) or (len(rows) == len(self) and all(map(eq, rows, count()))):
            return self
        return MessageBatch(
            tenants=[self.tenants[row] for row in rows],
            channels=[self.channels[row] for row in rows],
            message_ids=[self.message_ids[row] for row in rows],
            conversation_ids=[self.conversation_ids[row] for row in rows],
            customer_ids=[self.customer_ids[row] for row in rows],
            texts=[self.texts[row] for row in rows],
            locales=[self.locales[row] for row in rows],
            hints=[self.hints[row] for row in rows],
            metadata=[self.metadata[row] for row in rows],
            raw=[self.raw[row] for row in rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisBatch:
    """What was read in a batch of texts, as columns of `n` rows over the bundle's `k` intents.

    `skill_of` maps an intent to its skill; `intents` holds the
    name acted on ("out_of_scope" below the threshold); `candidates` int64 [n, 3] and
    `candidate_confidence` float32 [n, 3] the likeliest ones, best first, whatever the threshold said.
    `sentiments` indexes SENTIMENTS; `anger` is a calibrated probability; `probability` is float32 [n, k],
    `embedding` float32 [n, d] with rows of length 1 (or 0 where nothing was known).
    """

    bundle_id: str
    intent_names: Sequence[str]
    skill_of: Mapping[str, str]
    intents: Sequence[str]
    skills: Sequence[str]
    languages: Sequence[str]
    confidence: Sequence[float]
    candidates: npt.NDArray[np.int64]
    candidate_confidence: npt.NDArray[np.float32]
    sentiments: Sequence[int]
    anger: Sequence[float]
    is_angry: Sequence[bool]
    probability: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
