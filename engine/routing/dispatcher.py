"""Applies the routing functions: reads a snapshot, drafts, commits, and decides again when it was stale."""

from __future__ import annotations

import hashlib
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
    Outcome,
    Presence,
    Requirement,
)
from engine.errors import ContentionError, NotFoundError
from engine.ports import Clock, Codec, Policies, Store
from engine.routing import demand, mood, selection
from engine.routing.crew import Crew
from engine.routing.draft import HOLDING, Draft
from engine.routing.duty import Duties
from engine.routing.requirement import requirement_of

R = TypeVar("R")
_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault
SMALL_TALK = "chat."  # intents that say nothing about what the customer needs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Stored conversations that a batch may touch; `by_customer` also follows what the batch opens."""

    by_id: dict[str, Conversation]
    by_customer: dict[tuple[int, str], str]


class Dispatcher:
    """Decides who owns which conversation. Not safe to share between threads."""

    def __init__(self, *, store: Store, codec: Codec, clock: Clock, policies: Policies) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._policies = policies
        self._crews: dict[str, Crew] = {}

    def draft(self, tenant: str) -> Draft:
        """A fresh draft over the tenant's agents as they are now."""
        return Draft(tenant=tenant, crew=self._crew(tenant), now_ms=self._clock.now_ms())

    def receive(
        self, draft: Draft, batch: MessageBatch, rows: Sequence[int], analysis: AnalysisBatch
    ) -> tuple[list[str], list[Assignment]]:
        """Put one tenant's messages (`rows` of the batch) into conversations: ids and decisions, one per row."""
        known = self._known(batch.tenants[rows[0]], batch, rows)
        ids: list[str] = []
        assignments: list[Assignment] = []
        for row in rows:
            before = self._conversation(draft, batch, row, known)
            conversation = self._follow_mood(draft, before, analysis, row)
            asked = requirement_of(analysis, row, batch.hints[row])
            ids.append(conversation.conversation_id)
            if self._is_owned(draft, conversation):
                assignments.append(draft.keep(conversation))
            else:
                assignments.append(self._place(draft, conversation, asked, analysis.intents[row]))
        return ids, assignments

    def explain(
        self, tenant: str, requirement: Requirement, conversation: Conversation | None = None
    ) -> tuple[Assignment, list[Candidate]]:
        """Who would get a conversation that asks for this, and how every agent stands."""
        crew, now_ms = self._crew(tenant), self._clock.now_ms()
        asking = conversation or self.blank(now_ms)
        wanted = demand.of(replace(asking, requirement=requirement), crew.policy, now_ms)
        duties = Duties(crew.roster)
        return (
            selection.select(crew, wanted, duties, now_ms),
            selection.candidates(crew, wanted, duties, now_ms),
        )

    def blank(
        self, now_ms: int, conversation_id: str = "", channel: int = 0, customer_id: str = ""
    ) -> Conversation:
        """A conversation of which nothing is known yet; its version is 0."""
        return Conversation(
            conversation_id=conversation_id,
            channel=channel,
            customer_id=customer_id,
            state=ConversationState.WAITING,
            requirement=Requirement(skill="", skills={}, language=""),
            opened_ms=now_ms,
            updated_ms=now_ms,
            version=0,
        )

    def drain(self, tenant: str, agent_id: str) -> None:
        """Give an agent with room what waits for somebody like that."""
        self.until_committed(lambda: self._try_drain(tenant, agent_id))

    def drain_into(self, draft: Draft, tenant: str, agent_ids: Sequence[str]) -> None:
        """Draft what these agents' free places allow. Whoever waits is waiting for want of a place, so no other
        agent's place need be looked at.
        """  # noqa: D205
        places = draft.free_queues(agent_ids)
        if not places:
            return
        waiting = [
            draft.conversation(one.conversation_id) or one for one in self._store.waiting(tenant, places)
        ]
        unowned = [one for one in waiting if one.state is ConversationState.WAITING]
        for conversation, assignment in draft.drain(unowned):
            self.record(
                draft, conversation.conversation_id, "conversation_assigned", self._codec.assigned(assignment)
            )

    def record(self, draft: Draft, conversation_id: str, kind: str, data: bytes) -> None:
        """Journal an event with the draft."""
        draft.record(Event(conversation_id=conversation_id, kind=kind, time_ms=draft.now_ms, data=data))

    def stored(self, tenant: str, conversation_id: str) -> Conversation:
        """As it stands. Raises: NotFoundError."""
        found = self._store.conversations(tenant, [conversation_id]).get(conversation_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        return found

    def commit(self, draft: Draft) -> bool:
        """Whether the draft's change was committed."""
        (done,) = self._store.commit([draft.change()])
        return done

    def until_committed(self, attempt: Callable[[], R | None]) -> R:
        """What `attempt` gives once it is not None. Raises: ContentionError."""
        for _ in range(_ATTEMPTS):
            if (result := attempt()) is not None:
                return result
        raise ContentionError(f"the state changed under {_ATTEMPTS} attempts; try again")

    def _try_drain(self, tenant: str, agent_id: str) -> bool | None:
        draft = self.draft(tenant)
        self.drain_into(draft, tenant, [agent_id])
        return not draft.change().conversations or self.commit(draft) or None

    def _crew(self, tenant: str) -> Crew:
        roster, policy = self._store.roster(tenant), self._policies.of(tenant)
        crew = self._crews.get(tenant)
        if crew is None or crew.roster is not roster or crew.policy is not policy:
            crew = self._crews[tenant] = Crew(roster, policy)
        return crew

    def _is_owned(self, draft: Draft, conversation: Conversation) -> bool:
        """Whether it has an agent who can still answer; one who is gone does not hold it any longer."""
        if conversation.state not in HOLDING or conversation.state is ConversationState.WRAPPING:
            return False
        row = draft.crew.roster.rows.get(conversation.agent_id)
        return row is not None and draft.crew.roster.presences[row] is not Presence.OFFLINE

    def _place(self, draft: Draft, conversation: Conversation, asked: Requirement, intent: str) -> Assignment:
        if conversation.state in HOLDING:
            conversation = draft.release(conversation)
        if conversation.state is ConversationState.CLOSED:
            conversation = draft.touch(conversation, state=ConversationState.WAITING)
        conversation = draft.touch(conversation, requirement=_asked(conversation, asked, intent))
        return draft.place(conversation)

    def _follow_mood(
        self, draft: Draft, before: Conversation, analysis: AnalysisBatch, row: int
    ) -> Conversation:
        after = mood.follow(before.mood, analysis.anger[row], is_angry=analysis.is_angry[row])
        if after.is_angry != before.mood.is_angry:
            data = self._codec.event("mood_changed", is_angry=after.is_angry, anger=after.anger)
            self.record(draft, before.conversation_id, "mood_changed", data)
        return replace(before, mood=after)

    def _known(self, tenant: str, batch: MessageBatch, rows: Sequence[int]) -> _Known:
        ids = {batch.conversation_ids[row] for row in rows} - {""}
        customers = {
            (batch.channels[row], batch.customer_ids[row]) for row in rows if not batch.conversation_ids[row]
        }
        by_customer = self._store.open_conversations(tenant, sorted(customers)) if customers else {}
        by_id = self._store.conversations(tenant, sorted(ids)) if ids else {}
        by_id.update((one.conversation_id, one) for one in by_customer.values())
        return _Known(by_id=by_id, by_customer={key: one.conversation_id for key, one in by_customer.items()})

    def _conversation(self, draft: Draft, batch: MessageBatch, row: int, known: _Known) -> Conversation:
        """The conversation a message belongs to, as the draft sees it; a new one has version 0."""
        customer = (batch.channels[row], batch.customer_ids[row])
        found = batch.conversation_ids[row] or known.by_customer.get(customer) or _new_id(batch, row)
        known.by_customer[customer] = found
        return (
            draft.conversation(found)
            or known.by_id.get(found)
            or self.blank(draft.now_ms, found, customer[0], customer[1])
        )


def is_placed(assignment: Assignment) -> bool:
    """Whether an agent was found."""
    return assignment.outcome is not Outcome.QUEUED


def _new_id(batch: MessageBatch, row: int) -> str:
    """Made of the opening message's name, so that a retry of it opens the same conversation."""
    name = f"{batch.channels[row]}:{batch.message_ids[row]}"
    return "c-" + hashlib.blake2b(name.encode(), digest_size=10).hexdigest()


def _asked(conversation: Conversation, asked: Requirement, intent: str) -> Requirement:
    """What an unowned conversation asks for now: small talk does not change what it asked before."""
    before = conversation.requirement
    if before.skill and (intent == OUT_OF_SCOPE or intent.startswith(SMALL_TALK)):
        return replace(before, language=asked.language)
    return asked
