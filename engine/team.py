"""A tenant's agents as callers manage them."""

from __future__ import annotations

from engine.domain import Agent, Presence, Roster
from engine.errors import NotFoundError
from engine.ports import Store
from engine.routing.dispatcher import Dispatcher


class Team:
    """Changes agents and lets the queue follow. Every method returns the roster afterwards."""

    def __init__(self, *, store: Store, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher

    def roster(self, tenant: str) -> Roster:
        """All agents and their loads."""
        return self._store.roster(tenant)

    def roster_with(self, tenant: str, agent_id: str) -> Roster:
        """The same, where this agent is one of them. Raises: NotFoundError."""
        roster = self._store.roster(tenant)
        if agent_id not in roster.agents:
            raise NotFoundError(
                f"tenant {tenant} has no agent {agent_id}; put one with AgentService.PutAgent"
            )
        return roster

    def put(self, tenant: str, agent: Agent) -> Roster:
        """Create or replace; presence and load stay. New room is filled from the queue at once."""
        self._store.put_agent(tenant, agent)
        self._dispatcher.drain(tenant)
        return self._store.roster(tenant)

    def set_presence(self, tenant: str, agent_id: str, presence: Presence) -> Roster:
        """Set it; somebody who comes online gets what waits. Raises: NotFoundError."""
        self._store.set_presence(tenant, agent_id, presence)
        self._dispatcher.drain(tenant)
        return self._store.roster(tenant)
