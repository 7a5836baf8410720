"""Which queues a conversation stands in, which ones an agent serves, and who comes first.

A queue is named by the conditions that everybody who serves it fulfils: team, skill, proficiency and language.
A conversation may be given to an agent exactly when it stands in a queue that the agent serves, so the same names
answer "who may take this conversation?" and "what may this agent take?".
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.domain import Agent, Requirement
from engine.routing.policy import MINUTE, Policy

ANY = "*"
LANGUAGES = ("zh", "en")  # what an agent without languages writes
OVERFLOW = 4
_KEPT = 8192  # requirements whose queues a policy remembers
_LOWER_PROFICIENCY, _NEIGHBOURS, _ANYBODY = 1, 2, 3


def queues(requirement: Requirement, relaxation: int, policy: Policy) -> tuple[str, ...]:
    """The queues at a relaxation step, 0 to 4; each step keeps those before it.

    0: the skill at the policy's proficiency, and the language; 1: the skill at any proficiency; 2: neighbouring
    skills as well; 3: anybody of the team who writes the language; 4: the overflow team, whatever the language.
    """
    if requirement.agent_id and relaxation < OVERFLOW:
        return (_agent(requirement.agent_id),)
    asked = tuple(requirement.skills.items())
    key = (requirement.skill, asked, requirement.language, requirement.team, relaxation)
    known = policy.known_queues
    if (found := known.get(key)) is None:
        if len(known) >= _KEPT:
            known.clear()
        found = known[key] = tuple(dict.fromkeys(_queues(requirement, relaxation, policy)))
    return found


def rank_ms(requirement: Requirement, queued_ms: int, *, is_angry: bool, policy: Policy) -> int:
    """A conversation's place among those that wait: smaller goes first.

    The order is by urgency in minutes, urgency(t) = wait(t) + priority + vip + anger - sla x slack(t), where wait is
    t - queued and slack is queued + target - t. Both change by the same rate for everybody, so the order of two
    conversations never changes while they wait, and the moment t = 0 can stand for all of them: no poll, no aging
    job, and whoever waits long enough passes every newcomer.
    """
    order = policy.order
    boost = order.priority * requirement.priority + order.vip * requirement.vip + order.anger * is_angry
    boost -= order.sla * policy.sla
    return round(queued_ms - boost * MINUTE / (1 + order.sla))


def _queues(requirement: Requirement, relaxation: int, policy: Policy) -> Iterator[str]:
    if relaxation >= OVERFLOW:
        yield _name(policy.overflow_team, ANY, 1, ANY)
    language = requirement.language if policy.require_language else ANY
    level = 1 if relaxation >= _LOWER_PROFICIENCY else policy.min_proficiency
    skills = [skill for skill in requirement.skills if _is_asked_for(skill, requirement, policy)]
    if relaxation >= _NEIGHBOURS:
        skills += [near for skill in tuple(skills) for near in policy.neighbours.get(skill, ())]
    if relaxation >= _ANYBODY:
        skills.append(ANY)
    for skill in skills:
        yield _name(requirement.team, skill, level if skill != ANY else 1, language)


def _is_asked_for(skill: str, requirement: Requirement, policy: Policy) -> bool:
    return skill == requirement.skill or requirement.skills[skill] >= policy.second_skill


def served(agent: Agent, policy: Policy) -> tuple[str, ...]:
    """The queues an agent serves; nothing is said of presence or room."""
    names = [_agent(agent.agent_id)]
    levels = sorted({1, policy.min_proficiency})
    for team in ("", *sorted(agent.teams)):
        for language in (ANY, *sorted(agent.languages or LANGUAGES)):
            names.append(_name(team, ANY, 1, language))
            names += [
                _name(team, skill, level, language)
                for skill, proficiency in sorted(agent.skills.items())
                for level in levels
                if level <= proficiency
            ]
    return tuple(names)


def _agent(agent_id: str) -> str:
    return f"agent/{agent_id}"


def _name(team: str, skill: str, proficiency: int, language: str) -> str:
    return f"{team}/{skill}/{proficiency}/{language}"
