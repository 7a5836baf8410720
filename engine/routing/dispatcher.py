"""Applies the routing functions: reads a snapshot, drafts, commits, and decides again when it was stale."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import TypeVar

from engine.domain import (
    AnalysisBatch,
    Assignment,
    Candidate,
    Conversation,
    ConversationState,
    Event,
    MessageBatch,
    Mood,
    Presence,
    Requirement,
)
from engine.errors import ContentionError, NotFoundError
from engine.ports import Clock, Codec, Policies, RoutingStore
from engine.routing import demand, selection
from engine.routing.basis import Bases
from engine.routing.crew import Crew
from engine.routing.draft import Draft
from engine.routing.duty import Duties
from engine.routing.intake import Intake, Known, blank
from engine.routing.requeue import Requeue

R = TypeVar("R")
_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault
_DEEPER = 4  # times as many places of a queue are looked at when nobody of the first ones fitted
_DEEPEST = 4096  # of a queue: nobody is hidden by some thousand angry ones for whom an agent needs a rest


class Dispatcher:
    """Decides who owns which conversation. Not safe to share between threads."""

    def __init__(self, *, store: RoutingStore, codec: Codec, clock: Clock, policies: Policies) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._policies = policies
        self._crews: dict[str, Crew] = {}
        self._bases = Bases(codec)
        self._requeue = Requeue(store)

    def draft(self, tenant: str, *, read: AnalysisBatch | None = None, after: int = 0) -> Draft:
        """A fresh draft over the tenant's agents as they are now, of whom none waits to be welcomed.

        `after` is the journal's entry that leads to it. The first one under a policy, or about what a bundle read,
        journals that they decide from here on.
        """
        crew = self._crew(tenant)
        while (
            crew.roster.came or crew.begun(self._clock.now_ms()) or self._requeue.is_due(tenant, crew.policy)
        ):
            self.welcome(tenant)
            crew = self._crew(tenant)  # where others may have come meanwhile
        return self._draft(crew, tenant, read=read, after=after)

    def receive(
        self, draft: Draft, batch: MessageBatch, rows: Sequence[int], analysis: AnalysisBatch
    ) -> tuple[list[str], list[Assignment]]:
        """Put one tenant's messages (`rows` of the batch) into conversations: ids and decisions, one per row."""
        known = self._known(batch.tenants[rows[0]], batch, rows)
        intake = Intake(draft=draft, batch=batch, analysis=analysis, known=known, keeper=self)
        return intake.receive(rows)

    def explain(
        self, tenant: str, requirement: Requirement, conversation: Conversation | None = None
    ) -> tuple[Assignment, list[Candidate]]:
        """Who would get a conversation that asks for this, and how every agent stands."""
        crew, now_ms = self._crew(tenant), self._clock.now_ms()
        asking = conversation or blank(now_ms)
        wanted = demand.of(replace(asking, requirement=requirement), crew.policy, now_ms)
        duties = Duties(crew.roster)
        return (
            selection.select(crew, wanted, duties, now_ms),
            selection.candidates(crew, wanted, duties, now_ms),
        )

    def welcome(self, tenant: str, after: int = 0) -> None:
        """Give the agents who came since (online, changed, on shift) what waits for somebody like them.

        What is journaled under `after` led to it. After a change of the policy all who wait, and all agents, come anew.
        """
        crew = self._crew(tenant)
        if self._requeue.is_due(tenant, crew.policy) and self._requeue.run(
            tenant, crew.policy, partial(self._commit_draft, tenant)
        ):
            crew.roster.came.update(crew.online())
        self.until_committed(partial(self._try_welcome, tenant, after))

    def expect(self, tenant: str, came: Collection[str] = (), begun: Collection[str] = ()) -> None:
        """Take it that these agents, and nobody else, came since or began a shift, and wait to be welcomed."""
        crew = self._crew(tenant)
        for waiting, wanted in ((crew.roster.came, came), (crew.begun(self._clock.now_ms()), begun)):
            waiting.clear()
            waiting.update(wanted)

    def begin_shifts(self) -> None:
        """Welcome the agents of known tenants whose shift has begun."""
        for tenant in [one for one, crew in self._crews.items() if crew.begun(self._clock.now_ms())]:
            self.welcome(tenant)

    def drain_into(self, draft: Draft, tenant: str, agent_ids: Sequence[str] = ()) -> None:
        """Draft what the free places of these agents, and of those that the draft itself freed, allow.

        Whoever waits does so for want of a place, so no other agent's place need be looked at.
        """
        freed = [*agent_ids, *draft.freed()]
        agents: dict[str, None] = {}
        while freed:
            agents.update(dict.fromkeys(freed))
            self._fill(draft, tenant, list(agents))
            freed = draft.freed()

    def record(self, draft: Draft, conversation_id: str, kind: str, data: bytes, *, key: str = "") -> None:
        """Journal an event with the draft; one whose key was journaled before makes the draft stale."""
        draft.record(
            Event(conversation_id=conversation_id, kind=kind, time_ms=draft.now_ms, data=data, key=key)
        )

    def record_given(self, draft: Draft, conversation_id: str, assignment: Assignment) -> None:
        """Journal that a waiting conversation was given to an agent."""
        event = Event(
            conversation_id=conversation_id,
            kind="conversation_assigned",
            time_ms=draft.now_ms,
            data=self._codec.assigned(assignment),
        )
        draft.record_given(event, assignment.agent_id)

    def end_offer(self, draft: Draft, offered: Conversation, how: str) -> None:
        """Journal that an offer ended without being accepted."""
        data = self._codec.event(
            "reservation_ended", reservation_id=offered.reservation_id, agent_id=offered.agent_id, how=how
        )
        self.record(draft, offered.conversation_id, "reservation_ended", data)

    def cancel_offer(self, draft: Draft, conversation: Conversation) -> None:
        """The same where the conversation is offered and something else ends that."""
        if conversation.state is ConversationState.OFFERED:
            self.end_offer(draft, conversation, "cancelled")

    def stored(self, tenant: str, conversation_id: str) -> Conversation:
        """As it stands. Raises: NotFoundError."""
        found = self._store.conversations(tenant, [conversation_id]).get(conversation_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        return found

    def commit(self, draft: Draft) -> bool:
        """Whether the draft's change was committed."""
        return self.commit_all([draft])[0]

    def commit_all(self, drafts: Sequence[Draft]) -> list[bool]:
        """Whether each draft's change was committed."""
        done = self._store.commit([draft.change() for draft in drafts])
        for draft in compress(drafts, done):
            self._bases.committed(draft)
        return done

    def until_committed(self, attempt: Callable[[], R | None]) -> R:
        """What `attempt` gives once it is not None. Raises: ContentionError."""
        for _ in range(_ATTEMPTS):
            if (result := attempt()) is not None:
                return result
        raise ContentionError(f"the state changed under {_ATTEMPTS} attempts; try again")

    def _draft(self, crew: Crew, tenant: str, *, read: AnalysisBatch | None = None, after: int = 0) -> Draft:
        mark = self._store.mark(tenant)
        draft = Draft(tenant=tenant, crew=crew, now_ms=self._clock.now_ms(), after=after, mark=mark)
        self._bases.begin(draft, read)
        return draft

    def _commit_draft(self, tenant: str, step: Callable[[Draft], None]) -> None:
        def attempt() -> bool | None:
            draft = self._draft(self._crew(tenant), tenant)
            step(draft)
            return not draft.change().conversations or self.commit(draft) or None

        self.until_committed(attempt)

    def _try_welcome(self, tenant: str, after: int) -> bool | None:
        crew = self._crew(tenant)
        draft = self._draft(crew, tenant, after=after)
        came, begun = sorted(crew.roster.came), sorted(crew.begun(draft.now_ms))
        if begun:
            data = self._codec.presence(begun, Presence.ONLINE, "shift")
            self.record(draft, "", "presence_changed", data)
            draft.free_by(begun)
        self.drain_into(draft, tenant, [*came, *begun])
        if draft.change().conversations and not self.commit(draft):
            return None
        crew.roster.came.difference_update(came)
        crew.begun(draft.now_ms).difference_update(begun)
        return True

    def _fill(self, draft: Draft, tenant: str, agent_ids: Sequence[str]) -> None:
        """Give away the agents' free places, first come first; who is not for them is passed over."""
        tried: set[str] = set()
        depth = 1
        while places := draft.free_queues(agent_ids):
            limits = {name: max(room, min(room * depth, _DEEPEST)) for name, room in places.items()}
            stored = self._store.waiting(tenant, limits)
            end = _end_of_order(stored, limits)
            for one in draft.waiting(stored, limits.keys()):
                if one.conversation_id not in tried and (end is None or _place(one) <= end):
                    tried.add(one.conversation_id)
                    self._offer_to(draft, one, agent_ids)
            if end is None or min(limits.values()) >= _DEEPEST:
                return
            depth *= _DEEPER

    def _offer_to(self, draft: Draft, conversation: Conversation, agent_ids: Sequence[str]) -> None:
        if assignment := draft.offer_to(conversation, agent_ids):
            self.record_given(draft, conversation.conversation_id, assignment)

    def _crew(self, tenant: str) -> Crew:
        roster, policy = self._store.roster(tenant), self._policies.of(tenant)
        crew = self._crews.get(tenant)
        if crew is None or crew.policy is not policy:
            crew = self._crews[tenant] = Crew(roster, policy)
        elif crew.roster is not roster:
            crew = self._crews[tenant] = crew.after(roster)
        return crew

    def note_mood(self, draft: Draft, conversation_id: str, after: Mood) -> None:
        """Journal that a customer became angry, or calm."""
        data = self._codec.event("mood_changed", is_angry=after.is_angry, anger=after.anger)
        self.record(draft, conversation_id, "mood_changed", data)

    def _known(self, tenant: str, batch: MessageBatch, rows: Sequence[int]) -> Known:
        ids = {batch.conversation_ids[row] for row in rows} - {""}
        customers = {
            (batch.channels[row], batch.customer_ids[row]) for row in rows if not batch.conversation_ids[row]
        }
        by_customer = self._store.open_conversations(tenant, sorted(customers)) if customers else {}
        by_id = self._store.conversations(tenant, sorted(ids)) if ids else {}
        by_id.update((one.conversation_id, one) for one in by_customer.values())
        return Known(by_id=by_id, by_customer=by_customer)


def _place(conversation: Conversation) -> tuple[int, str]:
    return conversation.rank_ms, conversation.conversation_id


def _end_of_order(stored: Sequence[Conversation], limits: Mapping[str, int]) -> tuple[int, str] | None:
    """The place up to which nobody unread can precede; None where all were read.

    A queue read to its limit may go on, so what is behind its last one is not known yet.
    """
    seen = dict.fromkeys(limits, 0)
    for conversation in stored:
        for name in seen.keys() & conversation.queues:
            seen[name] += 1
            if seen[name] == limits[name]:
                return _place(conversation)
    return None
