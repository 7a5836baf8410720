"""Which agents may take a conversation: as a mask for deciding, and agent by agent for explaining."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.domain import Agent, Exclusion, Presence
from engine.routing import queue, shift
from engine.routing.crew import Crew, Rows
from engine.routing.demand import Demand
from engine.routing.duty import Duties

_ABSENT = {
    Presence.OFFLINE: Exclusion.OFFLINE,
    Presence.AWAY: Exclusion.AWAY,
    Presence.BUSY: Exclusion.BUSY,
    Presence.WRAPPING: Exclusion.WRAPPING,
}


def eligible(crew: Crew, demand: Demand, duties: Duties, now_ms: int, *, among: Rows | None = None) -> Rows:
    """Rows of the agents that may take it, in order of id; only of those in `among`, where given."""
    rows = crew.serving(demand.queues) if among is None else crew.serving_among(demand.queues, among)
    rows = rows[crew.available(now_ms)[rows]]
    rows = rows[_has_room(crew, rows, demand, duties)]
    if demand.declined:
        gone = [crew.roster.rows[one] for one in demand.declined if one in crew.roster.rows]
        rows = rows[~np.isin(rows, gone)]
    if demand.is_angry:
        rows = rows[duties.streak(rows) < crew.policy.max_angry_streak]
    return rows


def exclusion(crew: Crew, row: int, demand: Demand, duties: Duties, now_ms: int) -> Exclusion | None:
    """The first reason why the agent may not take it; None exactly where `eligible` has the row."""
    agent = crew.roster.agents[row]
    one = np.array([row], dtype=np.intp)
    if (presence := crew.roster.presences[row]) in _ABSENT:
        return _ABSENT[presence]
    if not shift.is_on_shift(agent, now_ms):
        return Exclusion.OFF_SHIFT
    if row not in crew.serving(demand.queues):
        return _unfit(agent, demand, crew)
    if agent.agent_id in demand.declined:
        return Exclusion.DECLINED
    if demand.is_angry and duties.streak(one)[0] >= crew.policy.max_angry_streak:
        return Exclusion.NEEDS_REST
    return None if _has_room(crew, one, demand, duties)[0] else Exclusion.AT_CAPACITY


def _has_room(crew: Crew, rows: Rows, demand: Demand, duties: Duties) -> npt.NDArray[np.bool_]:
    room = crew.capacity[rows] - duties.load(rows)
    return room >= crew.units(demand.channel)[rows]


def _unfit(agent: Agent, demand: Demand, crew: Crew) -> Exclusion:
    wanted = demand.requirement
    if wanted.agent_id and demand.relaxation < queue.OVERFLOW:
        return Exclusion.NOT_ASKED_FOR
    if wanted.team and wanted.team not in agent.teams:
        return Exclusion.NOT_IN_TEAM
    if crew.policy.require_language and agent.languages and wanted.language not in agent.languages:
        return Exclusion.LACKS_LANGUAGE
    return Exclusion.LACKS_SKILL
