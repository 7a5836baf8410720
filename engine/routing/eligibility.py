"""Which agents may take a conversation: as a mask for deciding, and agent by agent for explaining."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.domain import Exclusion, Presence
from engine.routing import queue
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
    return rows[mask(crew, rows, demand, duties, now_ms)]


def mask(crew: Crew, rows: Rows, demand: Demand, duties: Duties, now_ms: int) -> npt.NDArray[np.bool_]:
    """Which of the rows, whose agents serve its queues, may take it."""
    may = crew.available(now_ms)[rows] & _has_room(crew, rows, demand, duties)
    for one in demand.declined:
        may &= rows != crew.roster.rows.get(one, -1)
    if demand.is_angry:
        may &= duties.streak(rows) < crew.policy.max_angry_streak
    return may


def exclusions(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> list[Exclusion | None]:
    """For every agent the first reason why they may not take it; None exactly where `eligible` has the row."""
    whys: list[Exclusion | None] = [_ABSENT.get(presence) for presence in crew.roster.presences]
    everybody = np.arange(len(whys), dtype=np.intp)
    gone = np.array([agent.agent_id in demand.declined for agent in crew.roster.agents], dtype=np.bool_)
    tired = demand.is_angry & (duties.streak(everybody) >= crew.policy.max_angry_streak)
    serves = np.isin(everybody, crew.serving(demand.queues))
    for why, mask in (
        (Exclusion.OFF_SHIFT, ~crew.working(now_ms)),
        *_unfit(crew, demand, serves),
        (Exclusion.DECLINED, gone),
        (Exclusion.NEEDS_REST, tired),
        (Exclusion.AT_CAPACITY, ~_has_room(crew, everybody, demand, duties)),
    ):
        for row in np.flatnonzero(mask).tolist():
            whys[row] = whys[row] or why
    return whys


def _has_room(crew: Crew, rows: Rows, demand: Demand, duties: Duties) -> npt.NDArray[np.bool_]:
    return crew.capacity[rows] - duties.load(rows) >= crew.needs(rows, demand.channel)


def _unfit(
    crew: Crew, demand: Demand, serves: npt.NDArray[np.bool_]
) -> Iterator[tuple[Exclusion, npt.NDArray[np.bool_]]]:
    """Why agents serve none of its queues."""
    wanted = demand.requirement
    if wanted.agent_id and demand.relaxation < queue.OVERFLOW:
        yield Exclusion.NOT_ASKED_FOR, ~serves
    if wanted.team:
        outside = [wanted.team not in agent.teams for agent in crew.roster.agents]
        yield Exclusion.NOT_IN_TEAM, ~serves & np.array(outside, dtype=np.bool_)
    if crew.policy.require_language:
        yield Exclusion.LACKS_LANGUAGE, ~serves & ~crew.speaks(wanted.language)
    yield Exclusion.LACKS_SKILL, ~serves
