"""The best agent of a roster, and the reason for the choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.domain import Agent, Assignment, Candidate, Exclusion, Outcome, Requirement
from engine.routing import eligibility, score
from engine.routing.score import Weights


def candidates(
    agents: Mapping[str, Agent], loads: Mapping[str, int], requirement: Requirement, weights: Weights
) -> list[Candidate]:
    """Every agent: eligible ones first, best first; ties go to the lower load, then to the lower id."""
    seen = [
        _candidate(agent, loads.get(agent.agent_id, 0), requirement, weights) for agent in agents.values()
    ]
    return sorted(seen, key=lambda one: _rank(one, loads))


def select(
    agents: Mapping[str, Agent], loads: Mapping[str, int], requirement: Requirement, weights: Weights
) -> Assignment:
    """Assigned to the best eligible agent, or queued."""
    seen = (
        _candidate(agent, loads.get(agent.agent_id, 0), requirement, weights) for agent in agents.values()
    )
    eligible = [one for one in seen if one.exclusion is None]
    if not eligible:
        return _queued(agents, loads, requirement)
    best = min(eligible, key=lambda one: _rank(one, loads))
    return _assigned(best, len(eligible), loads.get(best.agent.agent_id, 0), requirement)


def _candidate(agent: Agent, load: int, requirement: Requirement, weights: Weights) -> Candidate:
    why = eligibility.exclusion(agent, requirement, load)
    if why is not None:
        return Candidate(agent=agent, exclusion=why)
    return Candidate(agent=agent, exclusion=None, terms=score.terms(agent, requirement, load, weights))


def _rank(one: Candidate, loads: Mapping[str, int]) -> tuple[bool, float, int, str]:
    # Rounding keeps equal scores equal however the addends were summed.
    return (
        one.exclusion is not None,
        -round(one.score, 9),
        loads.get(one.agent.agent_id, 0),
        one.agent.agent_id,
    )


def _assigned(best: Candidate, eligible: int, load: int, requirement: Requirement) -> Assignment:
    agent = best.agent
    return Assignment(
        outcome=Outcome.ASSIGNED,
        agent_id=agent.agent_id,
        agent_name=agent.name,
        skill=requirement.skill,
        reason=(
            f"best of {eligible} eligible: {requirement.skill} {agent.skills[requirement.skill]}/5, "
            f"held {load} of {agent.capacity}, score {best.score:.2f}"
        ),
        terms=best.terms,
    )


def _queued(agents: Mapping[str, Agent], loads: Mapping[str, int], requirement: Requirement) -> Assignment:
    if not agents:
        reason = "no agent is registered; put one with AgentService"
    else:
        whys = Counter(
            eligibility.exclusion(agent, requirement, loads.get(agent.agent_id, 0))
            for agent in agents.values()
        )
        counts = ", ".join(f"{whys[why]} {why.replace('_', ' ')}" for why in Exclusion if whys[why])
        reason = f"nobody eligible for {requirement.skill}: {counts}"
    return Assignment(outcome=Outcome.QUEUED, skill=requirement.skill, reason=reason)
