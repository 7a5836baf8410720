"""What agents carry, as a draft sees it: the roster's columns and what the draft has given and taken since."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engine.domain import Roster
from engine.routing import standing
from engine.routing.crew import Crew, Rows
from engine.routing.fit import Fit


class Duties:
    """Loads and streaks on top of a roster; the roster itself is left alone, its columns are copied once needed."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._load = roster.load
        self._streak = roster.streak
        self._claims: dict[int, int] = {}
        self._streaks: dict[int, int] = {}
        self._turn = 0  # counts the agents who became able, or unable, to take one more
        self._eligible: dict[int, tuple[Fit, int, int]] = {}  # by id, the turn and how many are eligible
        self._standing: npt.NDArray[np.float64] | None = None  # once asked for, and then of these
        self._crew: Crew
        self._now_ms: int

    def load(self, rows: Rows | slice) -> npt.NDArray[np.int64]:
        """Units held by these agents."""
        return self._load[rows]

    def streak(self, rows: Rows | slice) -> npt.NDArray[np.int64]:
        """Angry conversations in a row given to these agents."""
        return self._streak[rows]

    def standing(self, crew: Crew, now_ms: int) -> npt.NDArray[np.float64]:
        """[A], what free units add to a score, -inf for agents that cannot take one more; of one crew and moment."""
        if self._standing is None:
            self._crew, self._now_ms = crew, now_ms
            self._standing = crew.standing.of(crew, now_ms)
            for row in self._claims:
                self._standing[row] = self._worth(row)
        return self._standing

    def eligible(self, fit: Fit, totals: npt.NDArray[np.float64]) -> int:
        """How many of the fit's totals are above -inf; they have no addend but `standing` that may be it."""
        known = self._eligible.get(id(fit))
        if known is None or known[1] != self._turn:
            known = self._eligible[id(fit)] = (fit, self._turn, int(np.count_nonzero(totals > -np.inf)))
        return known[2]

    def claim(self, agent_id: str, units: int) -> None:
        """Take units of an agent, or give them back where negative; an agent that is gone has nothing to give."""
        if (row := self._roster.rows.get(agent_id)) is None:
            return
        if self._load is self._roster.load:
            self._load = self._load.copy()
        self._load[row] += units
        self._claims[row] = self._claims.get(row, 0) + units
        if self._standing is not None:
            after = self._worth(row)
            self._turn += (after > -math.inf) != (self._standing.item(row) > -math.inf)
            self._standing[row] = after

    def count_mood(self, agent_id: str, *, is_angry: bool) -> int:
        """Go on with the agent's streak, or end it; how long it was before."""
        row = self._roster.rows[agent_id]
        before = int(self._streak[row])
        after = before + 1 if is_angry else 0
        if after != before:
            if self._streak is self._roster.streak:
                self._streak = self._streak.copy()
            self._streak[row] = self._streaks[row] = after
        return before

    def _worth(self, row: int) -> float:
        return standing.worth(self._crew, row, self._load.item(row), self._now_ms)

    @property
    def claims(self) -> dict[str, int]:
        """By agent, where anything changed."""
        return {self._roster.agents[row].agent_id: units for row, units in self._claims.items() if units}

    @property
    def streaks(self) -> dict[str, int]:
        """By agent, where anything changed."""
        return {
            self._roster.agents[row].agent_id: count
            for row, count in self._streaks.items()
            if count != self._roster.streak[row]
        }
