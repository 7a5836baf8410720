"""What the engine needs from outside; `bootstrap` supplies it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.domain import (
    Advice,
    Agent,
    AnalysisBatch,
    Assignment,
    Heard,
    Presence,
)
from engine.ports_assist import (
    LEARNED,
    RECEIPTS_KEPT,
    REPLIES,
    AssistStore,
    Encoding,
    FeedbackStore,
    ReplyStore,
    SharedStore,
    VectorStore,
)
from engine.ports_reading import (
    Classifier,
    Encoder,
    GramCounter,
    Grams,
    Prediction,
    Predictor,
    ReplyIndex,
)
from engine.ports_store import (
    EVERYONE,
    Documents,
    RoutingStore,
    Store,
    WorkflowStore,
)
from engine.routing.policy import Policy

__all__ = [
    "EVERYONE",
    "LEARNED",
    "RECEIPTS_KEPT",
    "REPLIES",
    "AssistStore",
    "Classifier",
    "Clock",
    "Codec",
    "Documents",
    "Encoder",
    "Encoding",
    "FeedbackStore",
    "GramCounter",
    "Grams",
    "Policies",
    "Prediction",
    "Predictor",
    "ReplyIndex",
    "ReplyStore",
    "RoutingStore",
    "SharedStore",
    "Store",
    "VectorStore",
    "WorkflowStore",
]


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        ...


class Policies(Protocol):
    """Which routing policy a tenant has."""

    def of(self, tenant: str) -> Policy:
        """The same object until it changes."""
        ...


class Codec(Protocol):
    """The bytes an answer is sent and kept as; each is made once."""

    def answers(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """One serialised answer per message."""
        ...

    def records(self, raw: Sequence[bytes], answers: Sequence[bytes]) -> list[bytes]:
        """Messages and their answers, as journaled."""
        ...

    def answer_in(self, record: bytes) -> bytes:
        """The answer in a record."""
        ...

    def heard(self, record: bytes) -> Heard:
        """The message in a record."""
        ...

    def again(self, answer: bytes) -> bytes:
        """The answer, marked as given before."""
        ...

    def assigned(self, assignment: Assignment) -> bytes:
        """A conversation's getting an agent, as journaled."""
        ...

    def basis(self, policy: Policy, read: AnalysisBatch | None) -> bytes:
        """What decides from here on, as journaled; of the bundle nothing is said where nothing was read."""
        ...

    def presence(self, agent_ids: Sequence[str], presence: Presence, how: str) -> bytes:
        """Agents' coming or going, as journaled."""
        ...

    def agent(self, agent: Agent) -> bytes:
        """An agent's being put, as journaled."""
        ...

    def event(self, kind: str, **fields: str | int | float | bool) -> bytes:
        """The payload of an event of this kind (a field of the Event message), as journaled."""
        ...
