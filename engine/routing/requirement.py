"""What a message asks of an agent: its reading and the caller's hints."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from engine.domain import NO_HINTS, OUT_OF_SCOPE, AnalysisBatch, Hints, Requirement

_KEPT = 8192  # requirements without hints
_NEGLIGIBLE = 0.05  # probability below which a skill is not worth a term


def requirement_of(analysis: AnalysisBatch, row: int, hints: Hints) -> Requirement:
    """From the distribution over intents, summed by skill; out of scope asks for its own skill alone."""
    skills = _skills(analysis, row)
    if hints is NO_HINTS:
        return _plain(analysis.skills[row], tuple(skills.items()), analysis.languages[row])
    return Requirement(
        skill=analysis.skills[row],
        skills=skills,
        language=analysis.languages[row],
        agent_id=hints.agent_id,
        preferred_agent_id=hints.preferred_agent_id,
        team=hints.team,
        priority=hints.priority,
        vip=hints.vip,
    )


@lru_cache(maxsize=_KEPT)
def _plain(skill: str, skills: tuple[tuple[str, float], ...], language: str) -> Requirement:
    """The same object for equal ones."""
    return Requirement(skill=skill, skills=dict(skills), language=language)


def asking(before: Requirement, *, agent_id: str, team: str, skill: str) -> Requirement:
    """The requirement of a transferred conversation: the target alone decides."""
    if skill:
        return replace(before, skill=skill, skills={skill: 1.0}, agent_id="", team="", is_given=True)
    return replace(before, agent_id=agent_id, team=team)


def _skills(analysis: AnalysisBatch, row: int) -> dict[str, float]:
    first = analysis.skills[row]
    if analysis.intents[row] == OUT_OF_SCOPE:
        return {first: 1.0}
    skills = {first: 0.0}
    columns, confidences = analysis.candidates, analysis.candidate_confidence
    for place in range(columns.shape[1]):
        skill = analysis.skill_of[analysis.intent_names[columns.item(row, place)]]
        skills[skill] = skills.get(skill, 0.0) + confidences.item(row, place)
    # Two decimals are more than the calibration is worth, and make equal requirements equal.
    return {skill: round(p, 2) for skill, p in skills.items() if p >= _NEGLIGIBLE or skill == first}
