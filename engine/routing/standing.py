"""What agents can still take, kept from one decision to the next: few of many change in between."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.routing.policy import MINUTE, UNIT

if TYPE_CHECKING:
    from engine.routing.crew import Crew

_PATCHED = 64  # agents changed at once, up to which they are looked at one by one


class Standing:
    """Of one crew: float64 [A], what free units add to a score, -inf for agents that cannot take one more.

    A roster's columns change in place. So what they were is kept, and who differs from it is looked at again.
    """

    def __init__(self) -> None:
        self._minute = -1  # shifts begin on one
        self._load: npt.NDArray[np.int64]
        self._online: npt.NDArray[np.bool_]
        self._worth: npt.NDArray[np.float64]

    def of(self, crew: Crew, now_ms: int) -> npt.NDArray[np.float64]:
        """As the roster is now; the caller's to change."""
        load, online = crew.roster.load, crew.roster.online
        if self._minute != now_ms // MINUTE:
            self._begin(crew, now_ms)
        rows = ((load != self._load) | (online != self._online)).nonzero()[0]
        if len(rows) > _PATCHED:
            self._begin(crew, now_ms)
        else:
            for row in rows.tolist():
                self._load[row], self._online[row] = load[row], online[row]
                self._worth[row] = worth(crew, row, load.item(row), now_ms)
        return self._worth.copy()

    def _begin(self, crew: Crew, now_ms: int) -> None:
        self._minute = now_ms // MINUTE
        self._load, self._online = crew.roster.load.copy(), crew.roster.online.copy()
        room = crew.capacity - self._load
        self._worth = np.where(crew.available(now_ms) & (room >= UNIT), room * crew.worth, -np.inf)


def worth(crew: Crew, row: int, load: int, now_ms: int) -> float:
    """The same of one agent who holds this much."""
    room: int = crew.capacity.item(row) - load
    may = room >= UNIT and crew.roster.online.item(row) and crew.working(now_ms).item(row)
    return room * crew.worth.item(row) if may else -math.inf
