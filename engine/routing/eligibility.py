"""Which agents may take a conversation."""

from __future__ import annotations

from engine.domain import Agent, Exclusion, Presence, Requirement

_ABSENT = {
    Presence.OFFLINE: Exclusion.OFFLINE,
    Presence.AWAY: Exclusion.AWAY,
    Presence.BUSY: Exclusion.BUSY,
}


def exclusion(agent: Agent, requirement: Requirement, load: int) -> Exclusion | None:
    """The first reason why the agent may not take it; None if it may."""
    if agent.presence in _ABSENT:
        return _ABSENT[agent.presence]
    if requirement.skill not in agent.skills:
        return Exclusion.LACKS_SKILL
    if load >= agent.capacity:
        return Exclusion.AT_CAPACITY
    return None
