"""One tenant's decisions while they are made: pure, from a snapshot to a `Change`."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from engine.domain import (
    Assignment,
    Change,
    Conversation,
    ConversationState,
    Event,
    Mood,
    Outcome,
    Requirement,
)
from engine.routing import demand, queue, selection
from engine.routing.crew import Crew
from engine.routing.duty import Duties
from engine.routing.log import Cause, Log
from engine.routing.policy import UNIT, Policy
from engine.workflow.gathering import Gathering

SECOND = 1000  # milliseconds
_NOWHERE, _END = -1, 2**53 - 1  # places before and behind all others
HOLDING = frozenset({ConversationState.OFFERED, ConversationState.ASSIGNED, ConversationState.WRAPPING})
SERVED = frozenset({ConversationState.ASSIGNED, ConversationState.WRAPPING})


class Draft:
    """Decides on top of a snapshot and remembers what changed; nothing is so until the store commits `change`.

    Every method takes a conversation as this draft or the store last knew it. `message` is the number of the message
    that is being decided about; events that are recorded meanwhile have it as their cause. `after` is the sequence of
    the journal's entry that led to the draft, 0 for none.
    """

    def __init__(
        self, *, tenant: str, crew: Crew, now_ms: int, after: int = 0, mark: str | None = None
    ) -> None:
        self.now_ms = now_ms
        self.follow_up = Gathering()
        self.tenant = tenant
        self.message: int | None = None
        self.basis: tuple[str, str] | None = None  # see `basis.Bases`
        self._after = after
        self._mark = mark
        self._crew = crew
        self._duties = Duties(crew.roster)
        self._stored: dict[str, int] = {}
        self._touched: dict[str, Conversation] = {}
        self._kept: dict[str, Conversation] = {}  # of which nothing but the mood changed
        self._log = Log()
        self._alone: set[str] = set()
        self._freed: dict[str, None] = {}
        self._places: dict[str, Cause] = {}  # by agent, what freed a place of theirs
        self._drained: dict[str, int] = {}  # by agent, the place up to which their queues were looked through

    @property
    def crew(self) -> Crew:
        """The agents decided about."""
        return self._crew

    @property
    def policy(self) -> Policy:
        """The tenant's policy."""
        return self._crew.policy

    def conversation(self, conversation_id: str) -> Conversation | None:
        """As this draft left it; None where it was not touched."""
        return self._touched.get(conversation_id) or self._kept.get(conversation_id)

    def latest(self, conversation: Conversation) -> Conversation:
        """The same as this draft left it."""
        known = conversation.conversation_id
        return self._kept.get(known) or self._touched.get(known) or conversation

    def is_unknown(self, conversation: Conversation) -> bool:
        """Whether this draft has not changed it."""
        return conversation.conversation_id not in self._stored

    def begin(self, fresh: Conversation, mood: Mood, asked: Requirement) -> Assignment:
        """Place one of version 0 that nobody else knows, which is filled in where it stands."""
        fresh.mood, fresh.requirement = mood, asked
        chosen = self._choose_first(fresh)
        if chosen is None:
            return self.place(self.touch(fresh))
        self._take(chosen.agent_id, UNIT, fresh)
        fresh.state = ConversationState.ASSIGNED
        fresh.agent_id = chosen.agent_id
        fresh.units = UNIT
        fresh.version = 1
        known = fresh.conversation_id
        self._stored[known] = 0
        self._touched[known] = fresh
        return chosen

    def place(self, conversation: Conversation) -> Assignment:
        """Give an unowned conversation to the best agent, or let it wait at its place in the queue."""
        wanted = demand.of(conversation, self.policy, self.now_ms)
        assignment = selection.select(self._crew, wanted, self._duties, self.now_ms)
        if assignment.outcome is Outcome.QUEUED:
            self.wait(conversation)
            return assignment
        return self.give(conversation, assignment)

    def wait(self, conversation: Conversation) -> Conversation:
        """Let an unowned conversation wait at its place in the queue."""
        queued_ms = conversation.queued_ms or self.now_ms
        asked = conversation.requirement
        return self.touch(
            conversation,
            state=ConversationState.WAITING,
            queued_ms=queued_ms,
            rank_ms=queue.rank_ms(asked, queued_ms, is_angry=conversation.mood.is_angry, policy=self.policy),
            queues=queue.queues(asked, conversation.relaxation, self.policy),
            due_ms=self._next_step_ms(conversation, queued_ms),
        )

    def keep(self, conversation: Conversation, mood: Mood) -> Assignment:
        """Leave an owned conversation with its agent; the customer's mood is another now."""
        known = conversation.conversation_id
        if (after := self._kept.get(known)) is None:
            if known in self._touched:
                self.touch(conversation, mood=mood)
                return self._crew.keeping(conversation)
            self._stored[known] = conversation.version
            after = self._kept[known] = conversation.copy()
            after.version += 1
            after.updated_ms = self.now_ms
        after.mood = mood
        return self._crew.keeping(after)

    def accept(self, conversation: Conversation) -> Conversation:
        """The offer is taken: nothing ends by itself any more."""
        return self.touch(conversation, state=ConversationState.ASSIGNED, queued_ms=0, due_ms=0)

    def release(self, conversation: Conversation, *, declined: bool = False) -> Conversation:
        """Take it from its agent, back to its old place in the queue (or to a new one, if it had none)."""
        self._free(conversation)
        gone = (*conversation.declined, conversation.agent_id) if declined else conversation.declined
        return self.touch(
            conversation,
            state=ConversationState.WAITING,
            agent_id="",
            units=0,
            reservation_id="",
            declined=gone,
            # Whoever has no place in the queue begins to wait now, and nothing is relaxed yet.
            relaxation=conversation.relaxation if conversation.queued_ms else 0,
            **self._last_agent(conversation),
        )

    def give_on(self, conversation: Conversation, asked: Requirement) -> Conversation:
        """Take it from its agent, to be placed by what is asked now; the customer's waiting counts from the first time.

        Whoever had it, or was offered it, is not asked again, unless it is the one asked for.
        """
        before = conversation.agent_id
        return self.touch(
            self.release(conversation),
            requirement=asked,
            declined=() if not before or before == asked.agent_id else (before,),
            queued_ms=conversation.opened_ms,
            relaxation=0,
        )

    def relax(self, conversation: Conversation, step: int) -> Conversation:
        """Let it wait, asking for less; the last step asks everybody, those who declined before as well."""
        declined = () if step == queue.OVERFLOW else conversation.declined
        return self.wait(self.touch(conversation, relaxation=step, declined=declined))

    def prioritise(self, conversation: Conversation, priority: int) -> Conversation:
        """Give it this priority; who waits moves to the place in the queue."""
        asked = replace(conversation.requirement, priority=priority)
        after = self.touch(conversation, requirement=asked)
        return self.wait(after) if after.state is ConversationState.WAITING else after

    def close(self, conversation: Conversation) -> Conversation:
        """End it for the customer; the place is freed now, or after the wrap-up."""
        wrap_ms = round(self.policy.wrap_up_seconds * SECOND)
        if wrap_ms and conversation.state is ConversationState.ASSIGNED:
            return self.touch(conversation, state=ConversationState.WRAPPING, due_ms=self.now_ms + wrap_ms)
        return self.complete(conversation)

    def complete(self, conversation: Conversation) -> Conversation:
        """End it altogether and free its place."""
        self._free(conversation)
        return self.touch(
            conversation,
            state=ConversationState.CLOSED,
            agent_id="",
            units=0,
            reservation_id="",
            queued_ms=0,
            due_ms=0,
            relaxation=0,
            rank_ms=0,
            queues=(),
            declined=(),
            participants=(),
            **self._last_agent(conversation),
        )

    def free_queues(self, agent_ids: Sequence[str]) -> dict[str, int]:
        """The queues that those of the agents with room serve, and an upper bound of what each could give away."""
        for one in agent_ids:
            self._drained.setdefault(one, _NOWHERE)
        rows = self._crew.rows(agent_ids)
        rows = rows[self._crew.available(self.now_ms)[rows]]
        room = self._crew.capacity[rows] - self._duties.load(rows)
        places: dict[str, int] = {}
        for row, units in zip(rows.tolist(), room.tolist(), strict=True):
            for name in self._crew.served(row) if units > 0 else ():
                places[name] = places.get(name, 0) + self._crew.places(units)
        return places

    def has_freed(self) -> bool:
        """Whether `freed` has somebody to name."""
        return bool(self._freed)

    def freed(self) -> list[str]:
        """Agents who may take more than before since this was last asked; each is named once."""
        freed = list(self._freed)
        self._freed.clear()
        return freed

    def waiting(self, stored: Sequence[Conversation], queues: Set[str]) -> list[Conversation]:
        """Who waits in these queues, in order: the stored ones as the draft left them, and what it put there."""
        known = {one.conversation_id: one for one in stored} | self._touched
        waiting = [
            one
            for one in known.values()
            if one.state is ConversationState.WAITING and not queues.isdisjoint(one.queues)
        ]
        return sorted(waiting, key=lambda one: (one.rank_ms, one.conversation_id))

    def offer_to(self, conversation: Conversation, agent_ids: Sequence[str]) -> Assignment | None:
        """Give a waiting conversation to the best of these agents; None where none of them may take it."""
        among = self._crew.rows(one for one in agent_ids if one not in conversation.declined)
        if conversation.mood.is_angry:  # told apart first, since thousands may be passed over in a bad hour
            among = among[self._duties.streak(among) < self.policy.max_angry_streak]
        if not len(among):
            return None
        wanted = demand.of(conversation, self.policy, self.now_ms)
        chosen = selection.choose(self._crew, wanted, self._duties, self.now_ms, among=among)
        return self.give(conversation, chosen) if chosen else None

    def open_alone(self, conversation_id: str) -> None:
        """The conversation is opened because its customer has none open; so it must be when this is committed."""
        self._alone.add(conversation_id)

    def record(self, event: Event) -> None:
        """Journal the event with the change; one of the same conversation before it led to it."""
        self._log.early(event, self.message)

    def record_messages(self, events: Sequence[Event]) -> None:
        """Journal messages, in the order in which they were decided about, behind what `record` was given."""
        self._log.messages += events

    def record_behind(self, event: Event, message: int) -> None:
        """Journal what followed from a message, behind it."""
        self._log.late(event, ~message)

    def record_given(self, event: Event, agent_id: str) -> None:
        """Journal that a waiting conversation was given to the agent, behind all others, in this order.

        Whatever freed the agent's place led to it, or else an event of the same conversation.
        """
        self._log.late(event, self._places.get(agent_id))

    def free_by(self, agent_ids: Sequence[str]) -> None:
        """The event that was recorded last freed places of these agents."""
        self._places.update(dict.fromkeys(agent_ids, self._log.cause(self.message)))

    def change(self) -> Change:
        """Everything since the snapshot, to be committed as one."""
        drained, opened = ({}, ()) if self._mark is None else self._order()
        return Change(
            tenant=self.tenant,
            conversations=list(self._touched.values()),
            kept=list(self._kept.values()),
            claims=self._duties.claims,
            streaks=self._duties.streaks,
            events=self._log.entries(self._after),
            alone=self._alone,
            follow_up=self.follow_up.made(),
            mark=self._mark,
            drained=drained,
            opened=opened,
        )

    def touch(self, before: Conversation, **changes: object) -> Conversation:
        """The conversation with these fields changed, remembered for the commit."""
        known = before.conversation_id
        after = before.copy()
        for name, value in changes.items():
            setattr(after, name, value)
        # The version follows the stored one by exactly one, however often the draft touches it.
        after.version = self._stored.setdefault(known, before.version) + 1
        after.updated_ms = self.now_ms
        self._touched[known] = after
        self._kept.pop(known, None)
        return after

    def give(self, conversation: Conversation, assignment: Assignment) -> Assignment:
        """Give it to the agent of the assignment, or offer it, as the policy says."""
        agent = self._crew.roster.agent(assignment.agent_id)
        assert agent is not None
        units = self.policy.units(conversation.channel, agent.capacity)
        self._take(agent.agent_id, units, conversation)
        held = self.touch(
            conversation,
            state=ConversationState.ASSIGNED,
            agent_id=agent.agent_id,
            units=units,
            queued_ms=0,
            due_ms=0,
            rank_ms=0,
            queues=(),
        )
        return assignment if self.policy.auto_accept else self._offer(held, conversation, assignment)

    def _choose_first(self, fresh: Conversation) -> Assignment | None:
        """Who takes it at once, where nothing is special about it; None also where that must be looked at."""
        policy, asked = self._crew.policy, fresh.requirement
        is_plain = not (asked.preferred_agent_id or policy.channel_units) and policy.auto_accept
        if not is_plain:
            return None
        return selection.choose_first(
            self._crew, asked, self._duties, self.now_ms, is_angry=fresh.mood.is_angry
        )

    def _take(self, agent_id: str, units: int, conversation: Conversation) -> None:
        """An agent's units, for the conversation as it was before."""
        self._duties.claim(agent_id, units)
        if agent_id in self._drained:
            # Whoever never waited takes the place after all who do.
            place = conversation.rank_ms if conversation.queues else _END
            self._drained[agent_id] = max(self._drained[agent_id], place)
        streak = self._duties.count_mood(agent_id, is_angry=conversation.mood.is_angry)
        if streak >= self.policy.max_angry_streak:
            self._free_place(agent_id)  # has had a rest, so may take what is angry again

    def _offer(self, held: Conversation, before: Conversation, assignment: Assignment) -> Assignment:
        # The version makes the name new for every offer, so that a late accept of an earlier one is told apart.
        reservation_id = f"{held.conversation_id}~{held.version}"
        self.touch(
            held,
            state=ConversationState.OFFERED,
            reservation_id=reservation_id,
            queued_ms=before.queued_ms or self.now_ms,
            due_ms=self.now_ms + round(self.policy.offer_seconds * SECOND),
        )
        return assignment._replace(outcome=Outcome.OFFERED, reservation_id=reservation_id)

    def _order(self) -> tuple[dict[str, int], Set[str]]:
        """The change's `drained` and `opened`."""
        opened = self.free_queues(list(self._drained)).keys()
        drained: dict[str, int] = {}
        for agent_id, place in self._drained.items():
            row = self._crew.roster.rows.get(agent_id)
            for name in self._crew.served(row) if row is not None and place > _NOWHERE else ():
                drained[name] = max(drained.get(name, place), place)
        return drained | dict.fromkeys(opened, _END), opened

    def _next_step_ms(self, conversation: Conversation, queued_ms: int) -> int:
        if conversation.relaxation < queue.OVERFLOW:
            return queued_ms + self.policy.relax_ms(conversation.relaxation + 1)
        # At the end of the ladder whoever declined is asked again, after a pause.
        return self.now_ms + round(self.policy.offer_seconds * SECOND) if conversation.declined else 0

    def _free(self, conversation: Conversation) -> None:
        if conversation.state in HOLDING:
            self._duties.claim(conversation.agent_id, -conversation.units)
            self._free_place(conversation.agent_id)

    def _free_place(self, agent_id: str) -> None:
        self._freed[agent_id] = None
        self._places[agent_id] = self._log.cause(self.message)

    def _last_agent(self, conversation: Conversation) -> dict[str, str | int]:
        """Who served it last; an offer alone is no service."""
        if conversation.state not in SERVED:
            return {}
        return {"last_agent_id": conversation.agent_id, "last_agent_ms": self.now_ms}
