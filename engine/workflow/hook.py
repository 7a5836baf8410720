"""Where decisions ask what follows by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.domain import Advice, AnalysisBatch, Assignment, Conversation, MessageBatch
from engine.routing.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A batch that was decided and not committed yet. `groups` are the rows of each tenant, `drafts` their changes.

    `conversation_ids`, `assignments` and `advice` have one entry per row; what follows may change `advice` and the
    drafts. An assignment stays as it was decided: whoever is given the conversation by what follows is told by events.
    """

    batch: MessageBatch
    analysis: AnalysisBatch
    groups: Mapping[str, Sequence[int]]
    drafts: Mapping[str, Draft]
    conversation_ids: Sequence[str]
    assignments: Sequence[Assignment]
    advice: list[Advice]


class Workflow(Protocol):
    """Adds to drafts what follows, so that it is committed with them or not at all. Called on the decision thread."""

    def follow(self, decided: Decided) -> None:
        """Messages were decided."""
        ...

    def waited(self, draft: Draft, tenant: str, conversations: Sequence[Conversation]) -> None:
        """A relaxation step came, and these still wait after it."""
        ...


class NoWorkflow:
    """Nothing follows."""

    def follow(self, decided: Decided) -> None:
        """See `Workflow`."""

    def waited(self, draft: Draft, tenant: str, conversations: Sequence[Conversation]) -> None:
        """See `Workflow`."""
