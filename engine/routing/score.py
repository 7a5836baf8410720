"""How well eligible agents fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from engine.domain import Term
from engine.routing.crew import Crew, Rows
from engine.routing.demand import Demand

MAX_PROFICIENCY = 5
_LASTING_KEPT = 512  # requirements whose lasting scores are remembered
_LASTING = (0, 2, 5)  # terms
_MAKE: Callable[[tuple[str, float]], Term] = partial(tuple.__new__, Term)  # from its fields
NAMES = ("proficiency", "free_capacity", "language", "last_agent", "preferred_agent", "de_escalation")


def matrix(crew: Crew, rows: Rows, demand: Demand, load: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The addends of the agents' scores: [terms, agents], each in [0, its weight], terms as in NAMES.

    Proficiency is the sum over skills of P(skill) x proficiency, so that a doubtful message goes to a generalist
    and two intents to somebody who has both skills. `load` is what the agents hold before.
    """
    weights = crew.policy.weights
    wanted = demand.requirement
    scores = np.zeros((len(NAMES), len(rows)))
    for skill, probability in wanted.skills.items():
        scores[0] += probability * crew.skill(skill)[rows]
    scores[0] *= weights.proficiency / MAX_PROFICIENCY
    scores[1] = weights.free_capacity * np.maximum(1 - load / crew.capacity[rows], 0)
    scores[2] = weights.language * crew.speaks(wanted.language)[rows]
    for term, agent_id, weight in (
        (3, demand.last_agent_id, weights.last_agent),
        (4, wanted.preferred_agent_id, weights.preferred_agent),
    ):
        if (row := crew.roster.rows.get(agent_id)) is not None:
            scores[term] = weight * (rows == row)
    if demand.is_angry:
        skill = crew.policy.de_escalation_skill
        scores[5] = weights.de_escalation * crew.skill(skill)[rows] / MAX_PROFICIENCY
    return scores


def totals(crew: Crew, rows: Rows, demand: Demand, load: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The agents' scores: the sums of `matrix` over its terms, at a fraction of its cost. None may be overloaded."""
    scores = (crew.capacity[rows] - load) * crew.worth[rows]
    scores += _lasting(crew, demand)[rows]
    for agent_id, weight in personal(crew, demand):
        if (row := crew.roster.rows.get(agent_id)) is not None:
            scores += weight * (rows == row)
    return scores


def personal(crew: Crew, demand: Demand) -> tuple[tuple[str, float], tuple[str, float]]:
    """What is added for one agent each, "" for nobody."""
    weights = crew.policy.weights
    return (
        (demand.last_agent_id, weights.last_agent),
        (demand.requirement.preferred_agent_id, weights.preferred_agent),
    )


def serving(crew: Crew, demand: Demand) -> npt.NDArray[np.float64]:
    """[A], what does not change from one decision to the next, -inf for agents that serve none of its queues."""
    key = (_key(demand), demand.queues)
    if (known := crew.lasting.get(key)) is None:
        rows = crew.serving(demand.queues)
        lasting = _lasting(crew, demand)
        if len(crew.lasting) >= _LASTING_KEPT:
            crew.lasting.clear()
        known = np.full(len(lasting), -np.inf)
        known[rows] = lasting[rows]
        crew.lasting[key] = known
    return known


def column(crew: Crew, row: int, demand: Demand, load: int) -> list[float]:
    """One agent's column of `matrix`, at a fraction of its cost."""
    weights, wanted, agent = crew.policy.weights, demand.requirement, crew.roster.agents[row]
    proficiency = sum([p * agent.skills.get(skill, 0) for skill, p in wanted.skills.items()])
    calming = agent.skills.get(crew.policy.de_escalation_skill, 0) if demand.is_angry else 0
    return [
        proficiency * (weights.proficiency / MAX_PROFICIENCY),
        weights.free_capacity * max(1 - load / agent.capacity, 0),
        weights.language * (not agent.languages or wanted.language in agent.languages),
        weights.last_agent * (agent.agent_id == demand.last_agent_id),
        weights.preferred_agent * (agent.agent_id == wanted.preferred_agent_id),
        weights.de_escalation * calming / MAX_PROFICIENCY,
    ]


def _lasting(crew: Crew, demand: Demand) -> npt.NDArray[np.float64]:
    """[A], what does not change from one decision to the next: proficiency, language and de-escalation."""
    key = _key(demand)
    if (known := crew.lasting.get(key)) is not None:
        return known
    if len(crew.lasting) >= _LASTING_KEPT:
        crew.lasting.clear()
    rows = np.arange(len(crew.capacity), dtype=np.intp)
    terms = matrix(crew, rows, demand, np.zeros(len(rows), dtype=np.int64))
    crew.lasting[key] = terms[list(_LASTING)].sum(axis=0)
    return crew.lasting[key]


def _key(demand: Demand) -> tuple[object, ...]:
    wanted = demand.requirement
    return (tuple(wanted.skills.items()), wanted.language, demand.is_angry)


def terms(column: Sequence[float]) -> tuple[Term, ...]:
    """One agent's addends, without those that are 0."""
    return tuple([_MAKE(one) for one in zip(NAMES, column, strict=True) if one[1]])
