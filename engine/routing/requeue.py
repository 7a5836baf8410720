"""Lets those who wait stand where the present policy puts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from engine.domain import Conversation, ConversationState, Event
from engine.ports import RoutingStore
from engine.routing import queue
from engine.routing.draft import Draft
from engine.routing.policy import Policy

KIND = "conversation_requeued"
_KIND = "queues"  # of the document that says by which policy a tenant's queues were made
_KEY = "policy"
_PAGE = 500  # conversations of one commit


class Requeue:
    """Knows which tenants' queues follow their policy. Called from one thread."""

    def __init__(self, store: RoutingStore) -> None:
        self._store = store
        self._followed: dict[str, str] = {}

    def is_due(self, tenant: str, policy: Policy) -> bool:
        """Whether the tenant's queues were made by another policy, as far as this engine knows."""
        return self._followed.get(tenant) != policy.version

    def run(self, tenant: str, policy: Policy, commit: Callable[[Callable[[Draft], None]], None]) -> bool:
        """Whether anything was to be done. `commit` drafts and commits what it is given until that is kept."""
        kept = self._store.assist.documents(tenant, _KIND).get(_KEY)
        is_behind = kept != policy.version.encode()
        if is_behind:
            self._move_all(tenant, commit)
            self._store.assist.put_document(tenant, _KIND, _KEY, policy.version.encode())
        self._followed[tenant] = policy.version
        return is_behind

    def _move_all(self, tenant: str, commit: Callable[[Callable[[Draft], None]], None]) -> None:
        before: tuple[int, str] | None = None
        while page := self._store.list_conversations(tenant, ConversationState.WAITING, before, _PAGE):
            commit(partial(self._move, tenant, [one.conversation_id for one in page]))
            before = page[-1].opened_ms, page[-1].conversation_id

    def _move(self, tenant: str, conversation_ids: Sequence[str], draft: Draft) -> None:
        for one in self._store.conversations(tenant, conversation_ids).values():
            if one.state is ConversationState.WAITING and is_misplaced(one, draft.policy):
                name = one.conversation_id
                draft.record(Event(conversation_id=name, kind=KIND, time_ms=draft.now_ms, data=b""))
                draft.wait(one)


def is_misplaced(waiting: Conversation, policy: Policy) -> bool:
    """Whether the policy would let it wait in other queues, or at another place in them."""
    asked = waiting.requirement
    rank_ms = queue.rank_ms(asked, waiting.queued_ms, is_angry=waiting.mood.is_angry, policy=policy)
    return (waiting.queues, waiting.rank_ms) != (queue.queues(asked, waiting.relaxation, policy), rank_ms)
