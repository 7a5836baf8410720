"""How well an eligible agent fits."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import Agent, Requirement, Term

MAX_PROFICIENCY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a full mark in each term is worth, 0 or more.

    With the defaults an idle generalist (2) beats a specialist (5) once four fifths of the specialist's
    places are taken, and a shared language outweighs both.
    """

    proficiency: float = 0.4
    free_capacity: float = 0.3
    language: float = 0.7


def terms(agent: Agent, requirement: Requirement, load: int, weights: Weights) -> tuple[Term, ...]:
    """The score's addends, each in [0, its weight]; the agent must have the skill and a free place."""
    speaks = not agent.languages or requirement.language in agent.languages
    return (
        Term(
            name="proficiency",
            value=weights.proficiency * agent.skills[requirement.skill] / MAX_PROFICIENCY,
        ),
        Term(name="free_capacity", value=weights.free_capacity * (1 - load / agent.capacity)),
        Term(name="language", value=weights.language * speaks),
    )
