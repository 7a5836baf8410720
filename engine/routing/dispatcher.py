"""Applies the routing functions: reads a snapshot, drafts, commits, and decides again when it was stale."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.domain import (
    OUT_OF_SCOPE,
    AnalysisBatch,
    Assignment,
    Candidate,
    Conversation,
    ConversationState,
    Event,
    MessageBatch,
    Requirement,
)
from engine.errors import ContentionError, NotFoundError
from engine.ports import Clock, Codec, Store
from engine.routing import selection
from engine.routing.draft import Draft
from engine.routing.score import Weights

R = TypeVar("R")
_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault
SMALL_TALK = "chat."  # intents that say nothing about what the customer needs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Stored conversations that a batch may touch; `by_customer`, the newest open ones, follows the batch."""

    by_id: dict[str, Conversation]
    by_customer: dict[tuple[int, str], Conversation]

    def follow(self, conversation: Conversation) -> None:
        """Remember an open conversation where it is its customer's newest, as the store would."""
        customer = (conversation.channel, conversation.customer_id)
        newest = self.by_customer.get(customer, conversation)
        self.by_customer[customer] = max(newest, conversation, key=_age)


class Dispatcher:
    """Decides who owns which conversation. Not safe to share between threads."""

    def __init__(self, *, store: Store, codec: Codec, clock: Clock, weights: Weights) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._weights = weights

    def draft(self, tenant: str) -> Draft:
        """A fresh draft over the tenant's agents as they are now."""
        return Draft(
            tenant=tenant,
            roster=self._store.roster(tenant),
            weights=self._weights,
            now_ms=self._clock.now_ms(),
        )

    def receive(
        self, draft: Draft, batch: MessageBatch, rows: Sequence[int], analysis: AnalysisBatch
    ) -> tuple[list[str], list[Assignment]]:
        """Put one tenant's messages (`rows` of the batch) into conversations: ids and decisions, one per row."""
        known = self._known(batch.tenants[rows[0]], batch, rows)
        ids: list[str] = []
        assignments: list[Assignment] = []
        for row in rows:
            conversation = self._conversation(draft, batch, row, known)
            requirement = Requirement(skill=analysis.skills[row], language=analysis.languages[row])
            ids.append(conversation.conversation_id)
            if conversation.state is ConversationState.ASSIGNED:
                assignments.append(draft.keep(conversation, requirement))
            else:
                asked = _asked(conversation, requirement, analysis.intents[row])
                assignments.append(draft.open(conversation, asked))
        return ids, assignments

    def explain(self, tenant: str, requirement: Requirement) -> tuple[Assignment, list[Candidate]]:
        """Who would get a conversation that asks for this, and how every agent stood."""
        roster = self._store.roster(tenant)
        return (
            selection.select(roster.agents, roster.loads, requirement, self._weights),
            selection.candidates(roster.agents, roster.loads, requirement, self._weights),
        )

    def close(self, tenant: str, conversation_id: str) -> Conversation:
        """Close it and hand on the place it frees, in one commit. Raises: NotFoundError."""
        return self._until_committed(lambda: self._try_close(tenant, conversation_id))

    def drain(self, tenant: str) -> None:
        """Give waiting conversations to whoever has room."""
        self._until_committed(lambda: self._try_drain(tenant))

    def _try_close(self, tenant: str, conversation_id: str) -> Conversation | None:
        found = self._store.conversations(tenant, [conversation_id]).get(conversation_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        if found.state is ConversationState.CLOSED:
            return found
        draft = self.draft(tenant)
        draft.close(found)
        draft.record(self._event(conversation_id, "conversation_closed", self._codec.closed(found.agent_id)))
        self._drain_into(draft, tenant, skip=conversation_id)
        (done,) = self._store.commit([draft.change()])
        return draft.conversation(conversation_id) if done else None

    def _try_drain(self, tenant: str) -> bool | None:
        draft = self.draft(tenant)
        if not self._drain_into(draft, tenant):
            return True
        (done,) = self._store.commit([draft.change()])
        return done or None

    def _drain_into(self, draft: Draft, tenant: str, skip: str = "") -> bool:
        """Draft what the free places allow; whether anybody was given anything."""
        # As many as there are places per skill, plus one because `skip` may be among them.
        queues = [
            self._store.waiting(tenant, skill, places + 1) for skill, places in draft.free_places().items()
        ]
        waiting = sorted(itertools.chain(*queues), key=lambda one: (one.queued_ms, one.conversation_id))
        assigned = draft.drain(one for one in waiting if one.conversation_id != skip)
        for conversation, assignment in assigned:
            data = self._codec.assigned(assignment)
            draft.record(self._event(conversation.conversation_id, "conversation_assigned", data))
        return bool(assigned)

    def _event(self, conversation_id: str, kind: str, data: bytes) -> Event:
        return Event(conversation_id=conversation_id, kind=kind, time_ms=self._clock.now_ms(), data=data)

    def _known(self, tenant: str, batch: MessageBatch, rows: Sequence[int]) -> _Known:
        ids = {batch.conversation_ids[row] for row in rows} - {""}
        customers = {
            (batch.channels[row], batch.customer_ids[row]) for row in rows if not batch.conversation_ids[row]
        }
        by_customer = self._store.open_conversations(tenant, sorted(customers)) if customers else {}
        by_id = self._store.conversations(tenant, sorted(ids)) if ids else {}
        by_id.update((one.conversation_id, one) for one in by_customer.values())
        return _Known(by_id=by_id, by_customer=by_customer)

    def _conversation(self, draft: Draft, batch: MessageBatch, row: int, known: _Known) -> Conversation:
        """The conversation a message belongs to, as the draft sees it; a new one has version 0."""
        newest = known.by_customer.get((batch.channels[row], batch.customer_ids[row]))
        found = batch.conversation_ids[row] or (newest.conversation_id if newest else _new_id(batch, row))
        conversation = draft.conversation(found) or known.by_id.get(found) or self._new(found, batch, row)
        known.follow(conversation)
        return conversation

    def _new(self, conversation_id: str, batch: MessageBatch, row: int) -> Conversation:
        now_ms = self._clock.now_ms()
        return Conversation(
            conversation_id=conversation_id,
            channel=batch.channels[row],
            customer_id=batch.customer_ids[row],
            state=ConversationState.WAITING,
            skill="",
            language="",
            opened_ms=now_ms,
            updated_ms=now_ms,
            version=0,
        )

    def _until_committed(self, attempt: Callable[[], R | None]) -> R:
        for _ in range(_ATTEMPTS):
            if (result := attempt()) is not None:
                return result
        raise ContentionError(f"the state changed under {_ATTEMPTS} attempts; try again")


def _age(conversation: Conversation) -> tuple[int, str]:
    return conversation.opened_ms, conversation.conversation_id


def _new_id(batch: MessageBatch, row: int) -> str:
    """Made of the opening message's name, so that a retry of it opens the same conversation."""
    name = f"{batch.channels[row]}:{batch.message_ids[row]}"
    return "c-" + hashlib.blake2b(name.encode(), digest_size=10).hexdigest()


def _asked(conversation: Conversation, requirement: Requirement, intent: str) -> Requirement:
    """What a conversation without an owner asks for now: small talk does not change what it asked before."""
    if conversation.skill and (intent == OUT_OF_SCOPE or intent.startswith(SMALL_TALK)):
        return replace(requirement, skill=conversation.skill)
    return requirement
