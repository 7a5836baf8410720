"""What one requirement finds in a crew, as far as no decision changes it: most decisions share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.domain import Agent, Assignment, Outcome, Requirement, Term
from engine.routing import queue, score
from engine.routing.crew import Crew
from engine.routing.demand import Demand
from engine.routing.policy import UNIT

_KEPT = 2048  # of a crew; some hundred bytes each, and eight more an agent
_FREE = "free_capacity"
_TERM: Callable[[tuple[str, float]], Term] = partial(tuple.__new__, Term)  # from its fields
_ASSIGNMENT: Callable[[tuple[object, ...]], Assignment] = partial(tuple.__new__, Assignment)


class _Seat(NamedTuple):
    """What an agent is worth apart from the load, and how that is told."""

    agent: Agent
    skilled: float
    rest: tuple[float, float]  # language, de-escalation
    before: tuple[Term, ...]  # terms before that of the free capacity, and after it
    after: tuple[Term, ...]
    words: tuple[str, str]  # of the reason: before what is held, and behind it


@dataclass(slots=True, kw_only=True)
class Fit:
    """`lasting` is float64 [A], -inf for agents that serve none of the queues; `wanted` has nobody's wish or past."""

    wanted: Demand
    lasting: npt.NDArray[np.float64]
    _seats: dict[int, _Seat] = field(default_factory=dict)

    def assigned(self, crew: Crew, row: int, load: int, eligible: int) -> Assignment:
        """The decision for an agent who holds this much: as `selection` tells it, from parts that come again."""
        seat = self._seats.get(row) or self._sit(crew, row)
        agent, skilled, (language, calming), before, after, (first, last) = seat
        free = crew.policy.weights.free_capacity * max(1 - load / agent.capacity, 0)
        total = skilled + free + language + calming
        return _ASSIGNMENT(
            (
                Outcome.ASSIGNED,
                self.wanted.requirement.skill,
                f"best of {eligible}{first}{_chats(load)}{last}{total:.2f}",
                agent.agent_id,
                agent.name,
                (*before, _TERM((_FREE, free)), *after) if free else (*before, *after),
                self.wanted.relaxation,
                "",
                crew.policy.version,
            )
        )

    def _sit(self, crew: Crew, row: int) -> _Seat:
        agent, skill = crew.roster.agents[row], self.wanted.requirement.skill
        column = score.column(crew, row, self.wanted, 0)
        terms = score.terms([*column[:1], 0.0, *column[2:]])
        skilled = int(column[0] != 0)
        held = f" eligible: {skill} {agent.skills.get(skill, 0)}/5, held "
        words = (held, f" of {_chats(agent.capacity)}, score ")
        made = _Seat(agent, column[0], (column[2], column[5]), terms[:skilled], terms[skilled:], words)
        self._seats[row] = made
        return made


def first(crew: Crew, asked: Requirement, *, is_angry: bool) -> Fit:
    """Of a conversation that asks for the first time."""
    known = crew.fits.get((id(asked), is_angry))
    if known is not None:  # it keeps what it was made for, so that no other object has its id
        return known
    queues = queue.queues(asked, 0, crew.policy)
    wanted = Demand(requirement=asked, channel=0, queues=queues, is_angry=is_angry)
    if len(crew.fits) >= _KEPT:
        crew.fits.clear()
    made = crew.fits[id(asked), is_angry] = Fit(wanted=wanted, lasting=score.serving(crew, wanted))
    return made


@lru_cache(maxsize=4096)
def _chats(units: int) -> str:
    return f"{units / UNIT:g}"
