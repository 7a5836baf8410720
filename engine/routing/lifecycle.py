"""What happens to a conversation after it was placed. Names and states are those of Twilio TaskRouter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from engine.domain import Assignment, Conversation, ConversationState, Event, Outcome, Presence
from engine.errors import ConflictError, NotFoundError
from engine.ports import Codec, RoutingStore
from engine.routing.dispatcher import Dispatcher
from engine.routing.draft import Draft
from engine.routing.queue import OVERFLOW
from engine.routing.requirement import asking
from engine.workflow.hook import Workflow

MAX_PARTICIPANTS = 8
MAX_DUE = 100  # conversations of one tick, so that messages get their turn in between
_Step = Callable[[Draft, Conversation], Conversation]


class Lifecycle:
    """Moves conversations on. Every method is one commit, the places it frees handed on within it."""

    def __init__(
        self, *, store: RoutingStore, codec: Codec, dispatcher: Dispatcher, workflow: Workflow
    ) -> None:
        self._store = store
        self._codec = codec
        self._dispatcher = dispatcher
        self._workflow = workflow

    def accept(self, tenant: str, reservation_id: str) -> Conversation:
        """The agent takes an offer. Raises: NotFoundError, ConflictError where the offer has ended."""

        def change(draft: Draft, found: Conversation) -> Conversation:
            if found.state is ConversationState.ASSIGNED and found.reservation_id == reservation_id:
                return found
            self._must_be_offered(found, reservation_id, draft.now_ms)
            data = self._codec.event(
                "reservation_accepted", reservation_id=reservation_id, agent_id=found.agent_id
            )
            self._dispatcher.record(draft, found.conversation_id, "reservation_accepted", data)
            return draft.accept(found)

        return self._change(tenant, _conversation_id(reservation_id), change)

    def decline(self, tenant: str, reservation_id: str) -> Conversation:
        """The agent refuses an offer; somebody else is asked. Raises: NotFoundError, ConflictError."""

        def change(draft: Draft, found: Conversation) -> Conversation:
            self._must_be_offered(found, reservation_id, draft.now_ms)
            self._end_offer(draft, found, "declined")
            self._place_in_order(draft, tenant, [found])
            return self._latest(draft, found)

        return self._change(tenant, _conversation_id(reservation_id), change)

    def close(self, tenant: str, conversation_id: str) -> Conversation:
        """End it for the customer. Raises: NotFoundError."""

        def change(draft: Draft, found: Conversation) -> Conversation:
            if found.state in (ConversationState.CLOSED, ConversationState.WRAPPING):
                return found
            data = self._codec.event("conversation_closed", agent_id=found.agent_id)
            self._dispatcher.record(draft, conversation_id, "conversation_closed", data)
            self._dispatcher.cancel_offer(draft, found)
            closed = draft.close(found)
            self._dispatcher.drain_into(draft, tenant)
            return closed

        return self._change(tenant, conversation_id, change)

    def complete(self, tenant: str, conversation_id: str) -> Conversation:
        """End the wrap-up. Raises: NotFoundError, ConflictError where it is not over for the customer."""

        def change(draft: Draft, found: Conversation) -> Conversation:
            if found.state is ConversationState.CLOSED:
                return found
            if found.state is not ConversationState.WRAPPING:
                raise ConflictError(f"conversation {conversation_id} is {found.state}; close it first")
            completed = self._complete(draft, found)
            self._dispatcher.drain_into(draft, tenant)
            return completed

        return self._change(tenant, conversation_id, change)

    def transfer(
        self,
        tenant: str,
        conversation_id: str,
        *,
        agent_id: str = "",
        team: str = "",
        skill: str = "",
        request_id: str = "",
    ) -> tuple[Conversation, Assignment]:
        """Give it on; exactly one target is not "". A second call of the same request changes nothing.

        Raises: NotFoundError, ConflictError where it is closed.
        """
        made: list[Assignment] = []
        key = f"transfer:{request_id}" if request_id else ""

        def change(draft: Draft, found: Conversation) -> Conversation:
            if key and self._store.records(tenant, [key]):
                made[:] = [_standing(found)]
                return found
            self._must_be_open(found)
            self._must_know(draft, agent_id)
            target = f"agent:{agent_id}" if agent_id else f"team:{team}" if team else f"skill:{skill}"
            data = self._codec.event("conversation_transferred", from_agent_id=found.agent_id, target=target)
            self._dispatcher.record(draft, conversation_id, "conversation_transferred", data, key=key)
            self._dispatcher.cancel_offer(draft, found)
            asked = asking(found.requirement, agent_id=agent_id, team=team, skill=skill)
            made[:] = [self._place(draft, tenant, draft.give_on(found, asked))]
            return self._latest(draft, found)

        return self._change(tenant, conversation_id, change), made[0]

    def join(self, tenant: str, conversation_id: str, agent_id: str) -> Conversation:
        """Let an agent take part beside the owner. Raises: NotFoundError, ConflictError."""

        def change(draft: Draft, found: Conversation) -> Conversation:
            self._must_be_open(found)
            self._must_know(draft, agent_id)
            if agent_id in found.participants or agent_id == found.agent_id:
                return found
            if len(found.participants) >= MAX_PARTICIPANTS:
                raise ConflictError(
                    f"{MAX_PARTICIPANTS} agents take part in conversation {conversation_id} already"
                )
            data = self._codec.event("conversation_joined", agent_id=agent_id)
            self._dispatcher.record(draft, conversation_id, "conversation_joined", data)
            return draft.touch(found, participants=(*found.participants, agent_id))

        return self._change(tenant, conversation_id, change)

    def agent_gone(self, tenant: str, agent_id: str, after: int = 0) -> None:
        """An agent went offline, as is journaled under `after`: offers to them go back to their places, to others."""

        def attempt() -> bool | None:
            draft = self._dispatcher.draft(tenant, after=after)
            held = self._store.held(tenant, agent_id)
            offered = [one for one in held if one.state is ConversationState.OFFERED]
            for one in offered:
                self._end_offer(draft, one, "cancelled")
            self._place_in_order(draft, tenant, offered)
            return self._is_committed(draft)

        self._dispatcher.until_committed(attempt)

    def tick(self, now_ms: int) -> int:
        """Do what is due by now, at most MAX_DUE of it; how much that was."""
        self._dispatcher.begin_shifts()
        leases = self._store.lapsed(now_ms)
        for tenant, agent_id in leases:
            data = self._codec.presence([agent_id], Presence.OFFLINE, "lapsed")
            event = Event(conversation_id="", kind="presence_changed", time_ms=now_ms, data=data)
            after = self._store.lapse(tenant, agent_id, now_ms, event)
            if after is not None:
                self.agent_gone(tenant, agent_id, after)
        due: defaultdict[str, list[str]] = defaultdict(list)
        for tenant, conversation_id in self._store.due(now_ms)[:MAX_DUE]:
            due[tenant].append(conversation_id)
        for tenant, ids in due.items():
            self._dispatcher.until_committed(partial(self.end_due, tenant, ids))
        return len(leases) + sum(map(len, due.values()))

    def end_due(self, tenant: str, conversation_ids: Sequence[str]) -> bool | None:
        """All that ended by itself in one commit; None where that was stale."""
        draft = self._dispatcher.draft(tenant)
        stored = self._store.conversations(tenant, conversation_ids)
        found = [stored[one] for one in conversation_ids if one in stored]
        due = [one for one in found if 0 < one.due_ms <= draft.now_ms]
        for one in due:
            self._end(draft, one)
        self._place_in_order(draft, tenant, due)
        relaxed = [self._latest(draft, one) for one in due if one.state is ConversationState.WAITING]
        self._workflow.waited(
            draft, tenant, [one for one in relaxed if one.state is ConversationState.WAITING]
        )
        return self._is_committed(draft)

    def _end(self, draft: Draft, due: Conversation) -> None:
        """End the offer, the wrap-up or the step that a conversation is in; nothing is given away yet."""
        if due.state is ConversationState.OFFERED:
            self._end_offer(draft, due, "timed_out")
        elif due.state is ConversationState.WRAPPING:
            self._complete(draft, due)
        else:
            self._relax(draft, due)

    def _end_offer(self, draft: Draft, offered: Conversation, how: str) -> None:
        self._dispatcher.end_offer(draft, offered, how)
        draft.wait(draft.release(offered, declined=how != "cancelled"))

    def _relax(self, draft: Draft, found: Conversation) -> None:
        step = min(found.relaxation + 1, OVERFLOW)
        if step > found.relaxation:
            data = self._codec.event("requirement_relaxed", relaxation=step)
            self._dispatcher.record(draft, found.conversation_id, "requirement_relaxed", data)
        else:
            data = self._codec.event("decliners_asked_again")
            self._dispatcher.record(draft, found.conversation_id, "decliners_asked_again", data)
        draft.relax(found, step)

    def _complete(self, draft: Draft, found: Conversation) -> Conversation:
        data = self._codec.event("conversation_completed", agent_id=found.agent_id)
        self._dispatcher.record(draft, found.conversation_id, "conversation_completed", data)
        return draft.complete(found)

    def _place_in_order(self, draft: Draft, tenant: str, changed: Sequence[Conversation]) -> None:
        """Give freed places to who waits, first come first; then see who else may take those that changed."""
        self._dispatcher.drain_into(draft, tenant)
        for one in sorted((self._latest(draft, one) for one in changed), key=_place):
            now = self._latest(draft, one)  # what was placed before it may have freed a place for it
            if now.state is ConversationState.WAITING:
                self._place(draft, tenant, now)

    def _is_committed(self, draft: Draft) -> bool | None:
        """None where it was stale."""
        return not draft.change().conversations or self._dispatcher.commit(draft) or None

    def _place(self, draft: Draft, tenant: str, unowned: Conversation) -> Assignment:
        assignment = draft.place(unowned)
        if assignment.agent_id:
            self._dispatcher.record_given(draft, unowned.conversation_id, assignment)
        self._dispatcher.drain_into(draft, tenant)
        return assignment

    def _latest(self, draft: Draft, found: Conversation) -> Conversation:
        return draft.conversation(found.conversation_id) or found

    def _change(self, tenant: str, conversation_id: str, change: _Step) -> Conversation:
        def attempt() -> Conversation | None:
            draft = self._dispatcher.draft(tenant)
            after = change(draft, self._dispatcher.stored(tenant, conversation_id))
            done = not draft.change().conversations or self._dispatcher.commit(draft)
            return after if done else None

        return self._dispatcher.until_committed(attempt)

    def _must_be_offered(self, found: Conversation, reservation_id: str, now_ms: int) -> None:
        if found.state is not ConversationState.OFFERED or found.reservation_id != reservation_id:
            raise ConflictError(f"the offer {reservation_id} has ended; the conversation is {found.state}")
        if found.due_ms <= now_ms:
            raise ConflictError(f"the offer {reservation_id} has timed out")

    def _must_be_open(self, found: Conversation) -> None:
        if found.state in (ConversationState.CLOSED, ConversationState.WRAPPING):
            raise ConflictError(
                f"conversation {found.conversation_id} is {found.state}; a new message opens it again"
            )

    def _must_know(self, draft: Draft, agent_id: str) -> None:
        if agent_id and draft.crew.roster.agent(agent_id) is None:
            raise NotFoundError(f"there is no agent {agent_id}; put one with AgentService.PutAgent")


def _standing(found: Conversation) -> Assignment:
    """Where a conversation is that was given on before."""
    return Assignment(
        outcome=Outcome.KEPT if found.agent_id else Outcome.QUEUED,
        agent_id=found.agent_id,
        agent_name=found.agent_id,
        skill=found.requirement.skill,
        reason="this transfer was made before",
        relaxation=found.relaxation,
    )


def _conversation_id(reservation_id: str) -> str:
    return reservation_id.rpartition("~")[0]


def _place(conversation: Conversation) -> tuple[int, str]:
    return conversation.rank_ms, conversation.conversation_id
