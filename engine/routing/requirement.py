"""What a message asks of an agent: its reading and the caller's hints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from engine.domain import NO_HINTS, OUT_OF_SCOPE, AnalysisBatch, Hints, Requirement

_KEPT = 8192  # requirements without hints
_NEGLIGIBLE = 0.05  # probability below which a skill is not worth a term


def requirement_of(analysis: AnalysisBatch, row: int, hints: Hints) -> Requirement:
    """From the distribution over intents, summed by skill; out of scope asks for its own skill alone."""
    columns, confidences = analysis.candidates[row], analysis.candidate_confidence[row]
    return _requirement(analysis, row, hints, zip(columns.tolist(), confidences.tolist(), strict=True))


class Asker:
    """The same for one message of a batch after the other."""

    def __init__(self, analysis: AnalysisBatch) -> None:
        self._analysis = analysis
        self._columns: list[list[int]] = analysis.candidates.tolist()
        self._confidences: list[list[float]] = analysis.candidate_confidence.tolist()

    def of(self, row: int, hints: Hints) -> Requirement:
        """One message's."""
        candidates = zip(self._columns[row], self._confidences[row], strict=True)
        return _requirement(self._analysis, row, hints, candidates)


def _requirement(
    analysis: AnalysisBatch, row: int, hints: Hints, candidates: Iterable[tuple[int, float]]
) -> Requirement:
    skills = _skills(analysis, row, candidates)
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


def _skills(analysis: AnalysisBatch, row: int, candidates: Iterable[tuple[int, float]]) -> dict[str, float]:
    first = analysis.skills[row]
    if analysis.intents[row] == OUT_OF_SCOPE:
        return {first: 1.0}
    skills, names, skill_of = {first: 0.0}, analysis.intent_names, analysis.skill_of
    for column, confidence in candidates:
        skill = skill_of[names[column]]
        skills[skill] = skills.get(skill, 0.0) + confidence
    # Two decimals are more than the calibration is worth, and make equal requirements equal.
    return {skill: round(p * 100) / 100 for skill, p in skills.items() if p >= _NEGLIGIBLE or skill == first}
