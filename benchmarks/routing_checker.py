"""Judges a history of routing by its own book-keeping; it shares no code with what it judges."""

from __future__ import annotations

import bisect
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.domain import MESSAGE, Conversation, ConversationState, Requirement, StoredEvent

HELD = (ConversationState.OFFERED, ConversationState.ASSIGNED, ConversationState.WRAPPING)
_EXAMPLES = 20  # faults that are described
_MINUTE = 60_000  # milliseconds
Place = tuple[int, str]  # rank, conversation id


@dataclass(slots=True)
class Faults:
    """How often what must never happen did, with the first examples."""

    over_capacity: int = 0
    double_owners: int = 0
    lost: int = 0
    inversions: int = 0
    wrong_ranks: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, kind: str, example: str) -> None:
        """Count one."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{kind}: {example}")

    def counts(self) -> dict[str, int]:
        """By kind."""
        kinds = ("over_capacity", "double_owners", "lost", "inversions", "wrong_ranks")
        return {kind: getattr(self, kind) for kind in kinds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The queue's documented order, minutes: what a policy's `order` and `sla` say."""

    priority: float
    vip: float
    anger: float
    sla_weight: float
    sla: float

    def rank_ms(self, requirement: Requirement, queued_ms: int, *, is_angry: bool) -> int:
        """When it would have been queued to be as urgent without any boost."""
        boost = self.priority * requirement.priority + self.vip * requirement.vip + self.anger * is_angry
        return round(queued_ms - (boost - self.sla_weight * self.sla) * _MINUTE / (1 + self.sla_weight))


@dataclass(frozen=True, slots=True)
class Doubt:
    """An inversion, unless the conversation passed over had several messages in that commit: between two of them it may
    have asked for something else, which no state tells. `told` describes it.
    """  # noqa: D205

    conversation_id: str
    at_ms: int  # of the commit
    told: str


class Checker:
    """Follows commits in the order in which the store made them. Safe to share between threads."""

    def __init__(self, order: Order) -> None:
        self.faults = Faults()
        self.doubts: list[Doubt] = []  # to be looked up in the journal, with `judge`
        self.seen: dict[str, Conversation] = {}
        self.commits = 0
        self.states: Counter[str] = Counter()  # how often each was entered
        self._order = order
        self._load: Counter[str] = Counter()
        self._most: dict[str, int] = {}  # units an agent may hold
        self._waiting: defaultdict[tuple[object, ...], list[Place]] = defaultdict(list)
        self._lock = threading.RLock()

    def allow(self, agent_id: str, units: int) -> None:
        """From here on the agent may hold as much."""
        with self._lock:
            self._most[agent_id] = units

    def allow_both(self, agent_id: str, units: int) -> None:
        """Until the next `allow`: a change is under way, so either may be so."""
        with self._lock:
            self._most[agent_id] = max(units, self._most.get(agent_id, 0))

    def follow(self, _: str, conversations: Sequence[Conversation]) -> None:
        """One commit."""
        with self._lock:
            self.commits += 1
            before = {one.conversation_id: self.seen.get(one.conversation_id) for one in conversations}
            grown = {
                agent for one in conversations for agent in self._enter(one, before[one.conversation_id])
            }
            for agent_id in grown:
                if self._load[agent_id] > self._most.get(agent_id, 0):
                    held = f"{agent_id} holds {self._load[agent_id]} of {self._most.get(agent_id, 0)}"
                    self.faults.add("over_capacity", held)
            for one in conversations:
                if _was_given(one, before[one.conversation_id]):
                    self._check_order(one, before)

    def accepted(self, reservation_id: str, told: Conversation) -> None:
        """An accept was confirmed to its caller."""
        with self._lock:
            known = self.seen[told.conversation_id]
            if known.version == told.version and known.agent_id != told.agent_id:
                self.faults.add("double_owners", f"{reservation_id}: {told.agent_id} and {known.agent_id}")

    def _enter(self, one: Conversation, before: Conversation | None) -> list[str]:
        """Book the new state; the agents whose load grew."""
        expected = before.version + 1 if before else 1
        if one.version < expected:
            self.faults.add("double_owners", f"{one.conversation_id} became version {one.version} twice")
        elif one.version > expected:
            self.faults.add("lost", f"{one.conversation_id} went from {expected - 1} to {one.version}")
        if before and before.state is ConversationState.WAITING:
            places = self._waiting[_group(before)]
            del places[bisect.bisect_left(places, (before.rank_ms, before.conversation_id))]
        if one.state is ConversationState.WAITING:
            self._queue(one)
        self.states[one.state] += before is None or before.state is not one.state
        self.seen[one.conversation_id] = one
        return self._carry(one, before)

    def _carry(self, one: Conversation, before: Conversation | None) -> list[str]:
        taken = (before.agent_id, before.units) if before else ("", 0)
        if taken == (one.agent_id, one.units):
            return []
        self._load[taken[0]] -= taken[1]
        self._load[one.agent_id] += one.units
        return [one.agent_id] if one.agent_id else []

    def _queue(self, one: Conversation) -> None:
        expected = self._order.rank_ms(one.requirement, one.queued_ms, is_angry=one.mood.is_angry)
        if one.rank_ms != expected:
            self.faults.add("wrong_ranks", f"{one.conversation_id} has {one.rank_ms}, not {expected}")
        bisect.insort(self._waiting[_group(one)], (one.rank_ms, one.conversation_id))

    def _check_order(self, given: Conversation, before: Mapping[str, Conversation | None]) -> None:
        """Nobody alike who was more urgent still waits, but for those who may not go to this agent."""
        rank = self._order.rank_ms(
            given.requirement, given.queued_ms or given.updated_ms, is_angry=given.mood.is_angry
        )
        waited = before[given.conversation_id]
        if waited is not None and waited.state is ConversationState.WAITING:
            rank = min(
                rank, waited.rank_ms
            )  # it may have been given first, and calmed down by a message behind
        for place, conversation_id in self._waiting.get(_group(given), ()):
            if place >= rank:
                return
            earlier = self.seen[conversation_id]
            # The policy keeps these apart from an agent: who declined, and a rest after angry customers.
            may_go = given.agent_id not in earlier.declined and not earlier.mood.is_angry
            if may_go and _came_before(earlier, before.get(conversation_id, earlier)):
                told = self._told(given, rank, earlier, before)
                if conversation_id in before:
                    self.doubts.append(Doubt(conversation_id, earlier.updated_ms, told))
                else:
                    self.faults.add("inversions", told)

    def judge(self, events: Callable[[str], Sequence[StoredEvent]]) -> int:
        """Settle the doubts by a conversation's events; how many there were."""
        for doubt in self.doubts:
            commits = Counter(
                one.commit
                for one in events(doubt.conversation_id)
                if one.event.kind == MESSAGE and one.event.time_ms == doubt.at_ms
            )
            if max(commits.values(), default=0) < 2:  # noqa: PLR2004
                self.faults.add("inversions", doubt.told)
        return len(self.doubts)

    def _told(
        self,
        given: Conversation,
        rank: int,
        earlier: Conversation,
        before: Mapping[str, Conversation | None],
    ) -> str:
        """An inversion, with all that decides about one."""
        one, other = (f"{_past(before, each)} {_story(each)}" for each in (given, earlier))
        room = f"{self._load[given.agent_id]} of {self._most.get(given.agent_id, 0)} units"
        return (
            f"{given.conversation_id} went to {given.agent_id} ({room}) from place {rank} before"
            f" {earlier.conversation_id} in a commit of {len(before)}: {one} / {other}"
        )


def _past(before: Mapping[str, Conversation | None], now: Conversation) -> str:
    was = before.get(now.conversation_id, now)
    return "new:" if was is None else "left alone:" if was is now else f"{_story(was)} ->"


def _story(one: Conversation) -> str:
    asked = f"{one.requirement.skill} {one.requirement.language} priority {one.requirement.priority}"
    mood = f"{'angry' if one.mood.is_angry else 'calm'} {one.mood.anger}"
    return (
        f"[{one.state} version {one.version} at {one.updated_ms}, queued {one.queued_ms}, rank {one.rank_ms}, {asked},"
        f" {mood}, step {one.relaxation}, agent {one.agent_id!r}, declined {one.declined}, queues {one.queues}]"
    )


def _was_given(one: Conversation, before: Conversation | None) -> bool:
    return one.state in HELD[:2] and (
        before is None or before.state not in HELD or before.agent_id != one.agent_id
    )


def _came_before(earlier: Conversation, before: Conversation | None) -> bool:
    """Whether it asked for the same already when the commit began, or was taken from an agent by it.

    A commit holds a batch of messages one after the other: one of them may give a place away before the next
    makes another conversation ask for it.
    """
    if before is None:
        return False
    if before.state is ConversationState.OFFERED:
        return before.declined != earlier.declined
    might_go = before.state is ConversationState.WAITING and not before.mood.is_angry
    return might_go and _group(before) == _group(earlier)


def _group(one: Conversation) -> tuple[object, ...]:
    """What two conversations must have in common for one to have no reason to go before the other."""
    asked = one.requirement
    skills = tuple(sorted(asked.skills.items()))
    return asked.skill, skills, asked.team, asked.agent_id, asked.priority, one.channel, one.relaxation
