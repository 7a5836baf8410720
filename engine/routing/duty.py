"""What agents carry, as a draft sees it: the roster's columns and what the draft has given and taken since."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.domain import Roster
from engine.routing.crew import Rows


class Duties:
    """Loads and streaks on top of a roster; the roster itself is left alone, its columns are copied once needed."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._load = roster.load
        self._streak = roster.streak
        self._claims: dict[int, int] = {}
        self._streaks: dict[int, int] = {}

    def load(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Units held by these agents."""
        return self._load[rows]

    def streak(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Angry conversations in a row given to these agents."""
        return self._streak[rows]

    def claim(self, agent_id: str, units: int) -> None:
        """Take units of an agent, or give them back where negative; an agent that is gone has nothing to give."""
        if (row := self._roster.rows.get(agent_id)) is None:
            return
        if self._load is self._roster.load:
            self._load = self._load.copy()
        self._load[row] += units
        self._claims[row] = self._claims.get(row, 0) + units

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
