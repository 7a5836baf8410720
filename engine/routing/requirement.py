"""What a message asks of an agent: its reading and the caller's hints."""

from __future__ import annotations

from engine.domain import OUT_OF_SCOPE, AnalysisBatch, Hints, Requirement

_NEGLIGIBLE = 0.05  # probability below which a skill is not worth a term


def requirement_of(analysis: AnalysisBatch, row: int, hints: Hints) -> Requirement:
    """From the distribution over intents, summed by skill; out of scope asks for its own skill alone."""
    return Requirement(
        skill=analysis.skills[row],
        skills=_skills(analysis, row),
        language=analysis.languages[row],
        agent_id=hints.agent_id,
        preferred_agent_id=hints.preferred_agent_id,
        team=hints.team,
        priority=hints.priority,
        vip=hints.vip,
    )


def _skills(analysis: AnalysisBatch, row: int) -> dict[str, float]:
    first = analysis.skills[row]
    if analysis.intents[row] == OUT_OF_SCOPE:
        return {first: 1.0}
    skills = {first: 0.0}
    columns, confidences = analysis.candidates[row].tolist(), analysis.candidate_confidence[row].tolist()
    for column, probability in zip(columns, confidences, strict=True):
        skill = analysis.skill_of[analysis.intent_names[column]]
        skills[skill] = skills.get(skill, 0.0) + probability
    # Two decimals are more than the calibration is worth, and make equal requirements equal.
    return {skill: round(p, 2) for skill, p in skills.items() if p >= _NEGLIGIBLE or skill == first}
