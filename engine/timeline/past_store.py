"""The past as routing sees a store: it can be decided on, and nothing of that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.domain import Change, Conversation, ConversationState, Event, Roster
from engine.ports import Documents
from engine.routing import queue
from engine.routing.policy import Policy
from engine.timeline.past import Past


class PastStore:
    """See `ports.RoutingStore`. `made` are the changes that were to be committed.

    Under another policy than the past's, who waits stands in the queues and at the place that this one gives.
    """

    def __init__(self, past: Past) -> None:
        self._past = past
        self.made: list[Change] = []
        self.policy: Policy | None = None

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `ports.RoutingStore`: whatever is decided about came for the first time then."""
        return {}

    def conversations(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """See `ports.RoutingStore`."""
        known = self._past.conversations
        return {one: known[one] for one in conversation_ids if one in known}

    def open_conversations(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """See `ports.RoutingStore`."""
        found = {one: self._named(self._past.open.get(one, {})) for one in customers}
        return {
            one: max(opened, key=lambda other: (other.opened_ms, other.conversation_id))
            for one, opened in found.items()
            if opened
        }

    def waiting(self, tenant: str, queues: Mapping[str, int]) -> list[Conversation]:
        """See `ports.RoutingStore`."""
        ordered = sorted(map(self._placed, self._named(self._past.waiting)), key=_place)
        left = dict(queues)
        found = []
        for one in ordered:
            within = [name for name in one.queues if left.get(name, 0) > 0]
            if within:
                found.append(one)
            for name in left.keys() & one.queues:
                left[name] -= 1
        return found

    def held(self, tenant: str, agent_id: str) -> list[Conversation]:
        """See `ports.RoutingStore`."""
        held = self._named(self._past.held.get(agent_id, {}))
        return sorted(held, key=lambda one: one.conversation_id)

    def due(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.RoutingStore`."""
        due = [one for one in self._past.conversations.values() if 0 < one.due_ms <= now_ms]
        return [(self._past.tenant, one.conversation_id) for one in sorted(due, key=lambda one: one.due_ms)]

    def lapsed(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.RoutingStore`: leases are not journaled, that one lapsed is."""
        return []

    def roster(self, tenant: str) -> Roster:
        """See `ports.RoutingStore`."""
        return self._past.roster

    def mark(self, tenant: str) -> str | None:
        """See `ports.RoutingStore`: nobody else writes the past."""
        return None

    def list_conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """See `ports.RoutingStore`."""
        found = [one for one in self._past.conversations.values() if state in (None, one.state)]
        newest = sorted(found, key=_age, reverse=True)
        return [one for one in newest if before is None or _age(one) < before][:limit]

    @property
    def assist(self) -> Documents:
        """See `ports.RoutingStore`: the queues follow the policy, see `waiting`."""
        policy = self.policy or self._past.policy
        return _Following(policy.version.encode())

    def lapse(self, tenant: str, agent_id: str, now_ms: int, event: Event | None = None) -> int | None:
        """See `ports.RoutingStore`: no lease ends here."""
        return None

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.RoutingStore`: remembered, not kept."""
        self.made.extend(changes)
        return [True] * len(changes)

    def _named(self, names: Mapping[str, None]) -> list[Conversation]:
        return [self._past.conversations[one] for one in names]

    def _placed(self, one: Conversation) -> Conversation:
        if self.policy is None:
            return one
        asked, angry = one.requirement, one.mood.is_angry
        return replace(
            one,
            queues=queue.queues(asked, one.relaxation, self.policy),
            rank_ms=queue.rank_ms(asked, one.queued_ms, is_angry=angry, policy=self.policy),
        )


class _Following:
    """Says that the queues follow this policy; see `routing.requeue`."""

    def __init__(self, version: bytes) -> None:
        self._version = version

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """See `ports.Documents`."""
        return {"policy": self._version}

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """See `ports.Documents`: nothing of the past is kept."""


def _age(one: Conversation) -> tuple[int, str]:
    return one.opened_ms, one.conversation_id


def _place(one: Conversation) -> tuple[int, str]:
    return one.rank_ms, one.conversation_id
