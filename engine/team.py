"""A tenant's agents as callers manage them."""

from __future__ import annotations

from engine.domain import Agent, Event, Presence, Roster
from engine.errors import NotFoundError
from engine.ports import Clock, Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle


class Team:
    """Changes agents and lets the queue follow. Every method returns the roster afterwards."""

    def __init__(
        self, *, store: Store, codec: Codec, dispatcher: Dispatcher, lifecycle: Lifecycle, clock: Clock
    ) -> None:
        self._store = store
        self._codec = codec
        self._dispatcher = dispatcher
        self._lifecycle = lifecycle
        self._clock = clock

    def roster(self, tenant: str) -> Roster:
        """All agents."""
        return self._store.roster(tenant)

    def roster_with(self, tenant: str, agent_id: str) -> Roster:
        """The same, where this agent is one of them. Raises: NotFoundError."""
        roster = self._store.roster(tenant)
        if agent_id not in roster.rows:
            raise NotFoundError(
                f"tenant {tenant} has no agent {agent_id}; put one with AgentService.PutAgent"
            )
        return roster

    def put(self, tenant: str, agent: Agent) -> Roster:
        """Create or replace; presence and load stay. New room is filled from the queue at once."""
        after = self._store.put_agent(tenant, agent, self._event("agent_put", self._codec.agent(agent)))
        self._dispatcher.welcome(tenant, after)
        return self._store.roster(tenant)

    def set_presence(self, tenant: str, agent_id: str, presence: Presence, lease_ms: int = 0) -> Roster:
        """Set it, for `lease_ms` milliseconds or for good (0). Raises: NotFoundError.

        Somebody who comes online gets what waits; offers to somebody who goes offline are made to others.
        """
        until = self._clock.now_ms() + lease_ms if lease_ms else 0
        event = self._event("presence_changed", self._codec.presence([agent_id], presence, "set"))
        after = self._store.set_presence(tenant, agent_id, presence, until, event)
        if presence is Presence.ONLINE:
            self._dispatcher.welcome(tenant, after)
        elif presence is Presence.OFFLINE:
            self._lifecycle.agent_gone(tenant, agent_id, after)
        return self._store.roster(tenant)

    def renew(self, tenant: str, agent_id: str, lease_ms: int) -> None:
        """Let the presence last `lease_ms` milliseconds from now; an agent who is offline stays so.

        Raises: NotFoundError.
        """
        self._store.renew(tenant, agent_id, self._clock.now_ms() + lease_ms)

    def _event(self, kind: str, data: bytes) -> Event:
        return Event(conversation_id="", kind=kind, time_ms=self._clock.now_ms(), data=data)
