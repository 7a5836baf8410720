"""A roster as a store keeps it in memory: the columns are changed in place, the agents never."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

import numpy as np

from engine.domain import Agent, Presence, Roster


def make(
    agents: Sequence[Agent],
    *,
    presences: Sequence[Presence],
    leases: Sequence[int],
    load: Sequence[int],
    streak: Sequence[int],
    came: set[str] | None = None,
) -> Roster:
    """From columns in order of id. Where nothing is said of who `came`, everybody who is online did."""
    online = np.array([one is Presence.ONLINE for one in presences], dtype=np.bool_)
    return Roster(
        agents=tuple(agents),
        rows={agent.agent_id: row for row, agent in enumerate(agents)},
        presences=list(presences),
        online=online,
        leases=np.array(leases, dtype=np.int64),
        load=np.array(load, dtype=np.int64),
        streak=np.array(streak, dtype=np.int64),
        came={agents[row].agent_id for row in np.flatnonzero(online).tolist()} if came is None else came,
    )


def with_agent(roster: Roster, agent: Agent) -> Roster:
    """The roster after an agent was put; a new one is offline and holds nothing."""
    if (row := roster.rows.get(agent.agent_id)) is not None:
        if roster.online[row]:
            roster.came.add(agent.agent_id)
        agents = (*roster.agents[:row], agent, *roster.agents[row + 1 :])
        return Roster(
            agents=agents,
            rows=roster.rows,
            presences=roster.presences,
            online=roster.online,
            leases=roster.leases,
            load=roster.load,
            streak=roster.streak,
            came=roster.came,
        )
    row = bisect.bisect(roster.agents, agent.agent_id, key=lambda one: one.agent_id)
    return make(
        (*roster.agents[:row], agent, *roster.agents[row:]),
        presences=[*roster.presences[:row], Presence.OFFLINE, *roster.presences[row:]],
        leases=np.insert(roster.leases, row, 0).tolist(),
        load=np.insert(roster.load, row, 0).tolist(),
        streak=np.insert(roster.streak, row, 0).tolist(),
        came=roster.came,
    )


def set_presence(roster: Roster, agent_id: str, presence: Presence, lease_ms: int) -> None:
    """Change an agent's presence in place."""
    row = roster.rows[agent_id]
    if presence is Presence.ONLINE and not roster.online[row]:
        roster.came.add(agent_id)
    roster.presences[row] = presence
    roster.online[row] = presence is Presence.ONLINE
    roster.leases[row] = lease_ms


def follow(roster: Roster, claims: Mapping[str, int], streaks: Mapping[str, int]) -> None:
    """Change the columns in place as a commit did."""
    for agent_id, units in claims.items():
        if (row := roster.rows.get(agent_id)) is not None:
            roster.load[row] = max(int(roster.load[row]) + units, 0)
    for agent_id, count in streaks.items():
        if (row := roster.rows.get(agent_id)) is not None:
            roster.streak[row] = count


def settle(roster: Roster, loads: Mapping[str, int], streaks: Mapping[str, int]) -> None:
    """Set the columns in place to what they are after somebody else's commit."""
    for agent_id, units in loads.items():
        roster.load[roster.rows[agent_id]] = units
    for agent_id, count in streaks.items():
        roster.streak[roster.rows[agent_id]] = count
