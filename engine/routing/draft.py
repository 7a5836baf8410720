"""One tenant's decisions while they are made: pure, from a snapshot to a `Change`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.domain import (
    Agent,
    Assignment,
    Change,
    Conversation,
    ConversationState,
    Event,
    Outcome,
    Presence,
    Requirement,
    Roster,
)
from engine.routing import selection
from engine.routing.score import Weights


class Draft:
    """Decides on top of a snapshot and remembers what changed; nothing is so until the store commits `change`."""

    def __init__(self, *, tenant: str, roster: Roster, weights: Weights, now_ms: int) -> None:
        self._tenant = tenant
        self._agents: Mapping[str, Agent] = roster.agents
        self._loads = dict(roster.loads)
        self._weights = weights
        self._now_ms = now_ms
        self._stored: dict[str, int] = {}
        self._touched: dict[str, Conversation] = {}
        self._claims: dict[str, int] = {}
        self._events: list[Event] = []

    def conversation(self, conversation_id: str) -> Conversation | None:
        """As this draft left it; None where it was not touched."""
        return self._touched.get(conversation_id)

    def open(self, conversation: Conversation, requirement: Requirement) -> Assignment:
        """Give a new, waiting or reopened conversation to the best agent, or queue it at its place."""
        assignment = selection.select(self._agents, self._loads, requirement, self._weights)
        self._apply(conversation, requirement, assignment)
        return assignment

    def keep(self, conversation: Conversation, requirement: Requirement) -> Assignment:
        """Leave an assigned conversation with its agent."""
        agent = self._agents.get(conversation.agent_id)
        self._touch(conversation, replace(conversation, language=requirement.language))
        return Assignment(
            outcome=Outcome.KEPT,
            agent_id=conversation.agent_id,
            agent_name=agent.name if agent else conversation.agent_id,
            skill=conversation.skill,
            reason=f"{conversation.agent_id} has this conversation already",
        )

    def close(self, conversation: Conversation) -> None:
        """End it and free its agent's place."""
        if conversation.agent_id:
            self._claim(conversation.agent_id, -1)
        closed = replace(conversation, state=ConversationState.CLOSED, agent_id="", queued_ms=0)
        self._touch(conversation, closed)

    def free_places(self) -> dict[str, int]:
        """How many more conversations of each skill the agents could take, for skills where that is any."""
        places: Counter[str] = Counter()
        for agent in self._agents.values():
            room = agent.capacity - self._loads.get(agent.agent_id, 0)
            if agent.presence is Presence.ONLINE and room > 0:
                places.update(dict.fromkeys(agent.skills, room))
        return dict(places)

    def drain(self, waiting: Iterable[Conversation]) -> list[tuple[Conversation, Assignment]]:
        """Give waiting conversations, in the order given, to whom they fit; those assigned, with the decision."""
        assigned = []
        for conversation in waiting:
            requirement = Requirement(skill=conversation.skill, language=conversation.language)
            assignment = selection.select(self._agents, self._loads, requirement, self._weights)
            if assignment.outcome is Outcome.ASSIGNED:
                self._apply(conversation, requirement, assignment)
                assigned.append((conversation, assignment))
        return assigned

    def record(self, event: Event) -> None:
        """Journal the event with the change."""
        self._events.append(event)

    def change(self) -> Change:
        """Everything since the snapshot, to be committed as one."""
        return Change(
            tenant=self._tenant,
            conversations=list(self._touched.values()),
            claims={agent_id: places for agent_id, places in self._claims.items() if places},
            events=self._events,
        )

    def _apply(self, conversation: Conversation, requirement: Requirement, assignment: Assignment) -> None:
        if assignment.outcome is Outcome.ASSIGNED:
            self._claim(assignment.agent_id, 1)
            state, queued_ms = ConversationState.ASSIGNED, 0
        else:
            state, queued_ms = ConversationState.WAITING, conversation.queued_ms or self._now_ms
        changed = replace(
            conversation,
            state=state,
            agent_id=assignment.agent_id,
            skill=requirement.skill,
            language=requirement.language,
            queued_ms=queued_ms,
        )
        self._touch(conversation, changed)

    def _claim(self, agent_id: str, places: int) -> None:
        self._loads[agent_id] = self._loads.get(agent_id, 0) + places
        self._claims[agent_id] = self._claims.get(agent_id, 0) + places

    def _touch(self, before: Conversation, after: Conversation) -> None:
        # The version follows the stored one by exactly one, however often the draft touches it.
        stored = self._stored.setdefault(before.conversation_id, before.version)
        self._touched[before.conversation_id] = replace(after, version=stored + 1, updated_ms=self._now_ms)
