"""The best agent for a demand, and the reason for the choice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from engine.domain import Assignment, Candidate, Exclusion, Outcome, Requirement
from engine.routing import eligibility, score
from engine.routing import fit as fits
from engine.routing.crew import Crew, Rows
from engine.routing.demand import Demand
from engine.routing.duty import Duties
from engine.routing.policy import UNIT

_EQUAL = 1e-9  # scores nearer than this are a tie
_ALL = slice(None)
_EXPLAINED = 200  # agents up to which a refusal counts every reason


def select(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> Assignment:
    """Assigned to the best eligible agent, or queued with the reason why there is none."""
    return choose(crew, demand, duties, now_ms) or _queued(crew, demand, duties, now_ms)


def choose(
    crew: Crew, demand: Demand, duties: Duties, now_ms: int, *, among: Rows | None = None
) -> Assignment | None:
    """Assigned to the best eligible agent (of the rows in `among`, where given), None where there is none.

    Ties go to the lower load, then to the lower id.
    """
    if among is None and crew.policy.channel_units.get(demand.channel, UNIT) == UNIT:
        return _choose_of_all(crew, demand, duties, now_ms)
    rows = crew.serving(demand.queues) if among is None else crew.serving_among(demand.queues, among)
    load = duties.load(rows)
    may = eligibility.mask(crew, rows, demand, duties, now_ms)
    if not (eligible := int(np.count_nonzero(may))):
        return None
    totals = np.where(may, score.totals(crew, rows, demand, load), -np.inf)
    best = _best(totals, load)
    return _assigned(crew, demand, int(rows[best]), int(load[best]), eligible)


def choose_first(
    crew: Crew, asked: Requirement, duties: Duties, now_ms: int, *, is_angry: bool = False
) -> Assignment | None:
    """The same for a conversation without a past or a wish, that takes one unit of anybody."""
    if not crew.roster.agents:
        return None
    fit = fits.first(crew, asked, is_angry=is_angry)
    totals = fit.lasting + duties.standing(crew, now_ms)
    if is_angry:
        totals[duties.streak(_ALL) >= crew.policy.max_angry_streak] = -np.inf
        eligible = int(np.count_nonzero(totals > -np.inf))
    else:
        eligible = duties.eligible(fit, totals)
    if not eligible:
        return None
    load = duties.load(_ALL)
    best = _best(totals, load)
    return fit.assigned(crew, best, load.item(best), eligible)


def _choose_of_all(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> Assignment | None:
    """The same for what takes one unit of anybody: what most decisions share is computed once."""
    if not crew.roster.agents:
        return None
    rows = crew.roster.rows
    totals = score.serving(crew, demand) + duties.standing(crew, now_ms)
    for agent_id, weight in score.personal(crew, demand):
        if (row := rows.get(agent_id)) is not None:
            totals[row] += weight
    for one in demand.declined:
        if (row := rows.get(one)) is not None:
            totals[row] = -np.inf
    if demand.is_angry:
        totals[duties.streak(_ALL) >= crew.policy.max_angry_streak] = -np.inf
    if not (eligible := int(np.count_nonzero(totals > -np.inf))):
        return None
    load = duties.load(_ALL)
    best = _best(totals, load)
    return _assigned(crew, demand, best, int(load[best]), eligible)


def _best(totals: npt.NDArray[np.float64], load: npt.NDArray[np.int64]) -> int:
    """Where the largest is; of equal ones the first of those that hold least, rows being in order of id."""
    best = int(totals.argmax())
    # Equal scores may differ by how their addends were summed.
    (rows,) = (totals >= totals.item(best) - _EQUAL).nonzero()
    return best if len(rows) == 1 else int(rows[load[rows].argmin()])


def candidates(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> list[Candidate]:
    """Every agent: eligible ones first, best first, then the excluded by id."""
    rows = np.arange(len(crew.roster.agents), dtype=np.intp)
    load = duties.load(rows)
    terms = score.matrix(crew, rows, demand, load)
    whys = eligibility.exclusions(crew, demand, duties, now_ms)
    seen = []
    for row, (agent, why) in enumerate(zip(crew.roster.agents, whys, strict=True)):
        shown = score.terms(terms[:, row].tolist()) if why is None else ()
        seen.append((Candidate(agent=agent, exclusion=why, terms=shown), int(load[row])))
    seen.sort(
        key=lambda one: (one[0].exclusion is not None, -round(one[0].score, 9), one[1], one[0].agent.agent_id)
    )
    return [candidate for candidate, _ in seen]


def _assigned(crew: Crew, demand: Demand, row: int, load: int, eligible: int) -> Assignment:
    agent = crew.roster.agents[row]
    column = score.column(crew, row, demand, load)
    skill = demand.requirement.skill
    return Assignment(
        outcome=Outcome.ASSIGNED,
        agent_id=agent.agent_id,
        agent_name=agent.name,
        skill=skill,
        reason=(
            f"best of {eligible} eligible: {skill} {agent.skills.get(skill, 0)}/5, "
            f"held {load / UNIT:g} of {agent.capacity / UNIT:g}, score {sum(column):.2f}"
        ),
        terms=score.terms(column),
        relaxation=demand.relaxation,
        policy_version=crew.policy.version,
    )


def _queued(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> Assignment:
    return Assignment(
        outcome=Outcome.QUEUED,
        skill=demand.requirement.skill,
        reason=_why_nobody(crew, demand, duties, now_ms),
        relaxation=demand.relaxation,
        policy_version=crew.policy.version,
    )


def _why_nobody(crew: Crew, demand: Demand, duties: Duties, now_ms: int) -> str:
    agents = crew.roster.agents
    if not agents:
        return "no agent is registered; put one with AgentService"
    if len(agents) > _EXPLAINED:
        return f"nobody eligible for {demand.requirement.skill} among {len(agents)} agents"
    whys = Counter(eligibility.exclusions(crew, demand, duties, now_ms))
    counts = ", ".join(f"{whys[why]} {why.replace('_', ' ')}" for why in Exclusion if whys[why])
    return f"nobody eligible for {demand.requirement.skill}: {counts}"
