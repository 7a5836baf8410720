"""A roster under a policy, as arrays that many decisions share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.domain import Assignment, Conversation, Outcome, Roster
from engine.routing import queue, shift
from engine.routing.policy import MINUTE, UNIT, Policy
from engine.routing.standing import Standing

if TYPE_CHECKING:
    from engine.routing.fit import Fit

T = TypeVar("T")
Rows = npt.NDArray[np.intp]
_NOBODY: Rows = np.empty(0, dtype=np.intp)
_SERVING_KEPT = 4096  # distinct sets of queues whose agents are remembered
_PATCHED = 64  # agents changed at once, up to which the rest is taken over
_KEEPING_KEPT = 16384  # decisions to leave a conversation with its agent that are remembered


class Crew:
    """Derived once from a roster's agents, A of them with S skills; loads are read from the roster as they are."""

    def __init__(self, roster: Roster, policy: Policy) -> None:
        self.roster = roster
        self.policy = policy
        self.capacity = np.array([agent.capacity for agent in roster.agents], dtype=np.int64)
        self.worth = policy.weights.free_capacity / self.capacity  # [A], what a free unit adds to a score
        self.columns = {skill: column for column, skill in enumerate(_skills(roster))}
        self.proficiency = _proficiency(roster, self.columns)  # [A, S], 0 to 5
        self._served = [queue.served(agent, policy) for agent in roster.agents]
        self._serves = [frozenset(names) for names in self._served]
        self._by_queue = _by_queue(self._served)
        self.lasting: dict[object, npt.NDArray[np.float64]] = {}  # see `score`
        self.fits: dict[tuple[int, bool], Fit] = {}  # see `fit`
        self.standing = Standing()
        self._speaks: dict[str, npt.NDArray[np.bool_]] = {}
        self._serving: dict[tuple[str, ...], Rows] = {}
        self._keeping: dict[tuple[str, str, int, str], Assignment] = {}
        self._has_shifts = np.array([bool(agent.shifts) for agent in roster.agents], dtype=np.bool_)
        self._on_shift: tuple[int, npt.NDArray[np.bool_]] = (-1, np.empty(0, dtype=np.bool_))
        self._seen_on_shift = ~self._has_shifts
        self._asked_minute = -1
        self._begun: set[str] = set()

    def after(self, roster: Roster) -> Crew:
        """The crew of a roster in which some agents are new or other ones; what concerns the rest is taken over."""
        places, changed = _difference(self.roster, roster)
        if len(changed) > _PATCHED:
            return Crew(roster, self.policy)
        crew = copy(self)
        crew.roster = roster
        crew._lasting_from(places)  # noqa: SLF001  # its own
        for row in changed:
            crew._change(row)  # noqa: SLF001
        crew.worth = self.policy.weights.free_capacity / crew.capacity
        return crew

    def serving(self, queues: tuple[str, ...]) -> Rows:
        """Rows of the agents that serve any of the queues, in order of id."""
        if (known := self._serving.get(queues)) is not None:
            return known
        found = [self._by_queue[name] for name in queues if name in self._by_queue]
        rows = np.unique(np.concatenate(found)) if found else _NOBODY
        if len(self._serving) >= _SERVING_KEPT:
            self._serving.clear()
        self._serving[queues] = rows
        return rows

    def keeping(self, conversation: Conversation) -> Assignment:
        """The decision to leave it with its agent: the same object for equal ones, so that it is written once."""
        agent_id, skill = conversation.agent_id, conversation.requirement.skill
        key = (agent_id, skill, conversation.relaxation, conversation.reservation_id)
        if (known := self._keeping.get(key)) is not None:
            return known
        if len(self._keeping) >= _KEEPING_KEPT:
            self._keeping.clear()
        agent = self.roster.agent(agent_id)
        made = self._keeping[key] = Assignment(
            outcome=Outcome.KEPT,
            agent_id=agent_id,
            agent_name=agent.name if agent else agent_id,
            skill=skill,
            reason=f"{agent_id} has this conversation already",
            relaxation=conversation.relaxation,
            reservation_id=conversation.reservation_id,
            policy_version=self.policy.version,
        )
        return made

    def rows(self, agent_ids: Iterable[str]) -> Rows:
        """Of those of the agents that are known, in order of id."""
        known = {self.roster.rows[one] for one in agent_ids if one in self.roster.rows}
        return np.array(sorted(known), dtype=np.intp)

    def serving_among(self, queues: tuple[str, ...], among: Rows) -> Rows:
        """Those of the rows whose agents serve any of the queues; for a few rows."""
        fit = [row for row in among.tolist() if not self._serves[row].isdisjoint(queues)]
        return np.array(fit, dtype=np.intp)

    def served(self, row: int) -> tuple[str, ...]:
        """The queues an agent serves."""
        return self._served[row]

    def available(self, now_ms: int) -> npt.NDArray[np.bool_]:
        """[A], who is online and on shift; shifts begin on the minute."""
        return self.roster.online & self.working(now_ms)

    def online(self) -> list[str]:
        """Who is."""
        return [self.roster.agents[row].agent_id for row in np.flatnonzero(self.roster.online).tolist()]

    def begun(self, now_ms: int) -> set[str]:
        """Agents online whose shift has begun, and at first all who are on one, until they are taken out."""
        if self._asked_minute != now_ms // MINUTE:
            self._asked_minute = now_ms // MINUTE
            working = self.working(now_ms)
            fresh = working & ~self._seen_on_shift & self.roster.online
            self._seen_on_shift = working
            self._begun.update(self.roster.agents[row].agent_id for row in np.flatnonzero(fresh).tolist())
        return self._begun

    def speaks(self, language: str) -> npt.NDArray[np.bool_]:
        """[A], who writes the language; an agent without languages writes any."""
        if language not in self._speaks:
            mask = [not agent.languages or language in agent.languages for agent in self.roster.agents]
            self._speaks[language] = np.array(mask, dtype=np.bool_)
        return self._speaks[language]

    def needs(self, rows: Rows, channel: int) -> npt.NDArray[np.int64] | int:
        """[rows] or the same for all: what a conversation of the channel takes of each agent."""
        return self.policy.channel_units.get(channel, UNIT) or self.capacity[rows]

    def places(self, units: int) -> int:
        """How many of the lightest conversations fit into these units, at least 1."""
        lightest = min([UNIT, *(units for units in self.policy.channel_units.values() if units)])
        return max(1, units // lightest)

    def skill(self, skill: str) -> npt.NDArray[np.float64]:
        """[A], proficiency in a skill, 0 where an agent lacks it."""
        if skill not in self.columns:
            return np.zeros(len(self.roster.agents))
        return self.proficiency[:, self.columns[skill]]

    def _lasting_from(self, places: Rows) -> None:
        """Own copies of everything, each agent's at the new row; what is only remembered is forgotten."""
        size = len(self.roster.agents)
        self.capacity = _moved(self.capacity, places, size)
        self.proficiency = _moved(self.proficiency, places, size)
        self._has_shifts = _moved(self._has_shifts, places, size)
        self._seen_on_shift = _moved(self._seen_on_shift, places, size)
        minute, working = self._on_shift
        self._on_shift = (minute, _moved(working, places, size) if minute >= 0 else working)
        self._served = _moved_list(self._served, places, size, ())
        self._serves = _moved_list(self._serves, places, size, frozenset())
        self._by_queue = dict(self._by_queue)
        if size > len(places):
            self._by_queue = {name: places[rows] for name, rows in self._by_queue.items()}
        self.fits = {}
        self.standing = Standing()
        self.columns, self.lasting, self._speaks, self._serving, self._keeping = (
            dict(self.columns),
            {},
            {},
            {},
            {},
        )

    def _change(self, row: int) -> None:
        """Take over one agent from the roster."""
        agent, minute = self.roster.agents[row], self._on_shift[0]
        self.capacity[row] = agent.capacity
        for skill in agent.skills.keys() - self.columns.keys():
            self.columns[skill] = len(self.columns)
            self.proficiency = np.hstack([self.proficiency, np.zeros((len(self.capacity), 1))])
        self.proficiency[row] = [agent.skills.get(skill, 0) for skill in self.columns]
        self._has_shifts[row] = bool(agent.shifts)
        if minute >= 0:
            self._on_shift[1][row] = shift.is_on_shift(agent, minute * MINUTE)
            self._seen_on_shift[row] = self._on_shift[1][row]
        self._serve(row, queue.served(agent, self.policy))

    def _serve(self, row: int, names: tuple[str, ...]) -> None:
        before, after = self._serves[row], frozenset(names)
        for name in before - after:
            rows = self._by_queue[name]
            self._by_queue[name] = rows[rows != row]
        for name in after - before:
            rows = self._by_queue.get(name, _NOBODY)
            self._by_queue[name] = np.insert(rows, np.searchsorted(rows, row), row)
        self._served[row], self._serves[row] = names, after

    def working(self, now_ms: int) -> npt.NDArray[np.bool_]:
        """[A], who is on shift."""
        minute = now_ms // MINUTE
        if self._on_shift[0] != minute:
            mask = [shift.is_on_shift(agent, now_ms) for agent in self.roster.agents]
            self._on_shift = (minute, np.array(mask, dtype=np.bool_))
        return self._on_shift[1]


def _difference(before: Roster, after: Roster) -> tuple[Rows, list[int]]:
    """Where each row of before is now, and the rows whose agents are new or other ones."""
    if len(before.agents) == len(after.agents):  # agents only ever come
        changed = [
            row
            for row, one in enumerate(zip(before.agents, after.agents, strict=True))
            if one[0] is not one[1]
        ]
        return np.arange(len(after.agents), dtype=np.intp), changed
    places = np.array([after.rows[agent.agent_id] for agent in before.agents], dtype=np.intp)
    known = dict(zip(places.tolist(), before.agents, strict=True))
    return places, [row for row, agent in enumerate(after.agents) if known.get(row) is not agent]


def _moved(column: npt.NDArray[Any], places: Rows, size: int) -> npt.NDArray[Any]:
    moved = np.zeros((size, *column.shape[1:]), dtype=column.dtype)
    moved[places] = column
    return moved


def _moved_list(column: list[T], places: Rows, size: int, empty: T) -> list[T]:
    if size == len(places):
        return list(column)
    moved = [empty] * size
    for place, value in zip(places.tolist(), column, strict=True):
        moved[place] = value
    return moved


def _skills(roster: Roster) -> Sequence[str]:
    return sorted({skill for agent in roster.agents for skill in agent.skills})


def _proficiency(roster: Roster, columns: dict[str, int]) -> npt.NDArray[np.float64]:
    matrix = np.zeros((len(roster.agents), len(columns)))
    for row, agent in enumerate(roster.agents):
        for skill, proficiency in agent.skills.items():
            matrix[row, columns[skill]] = proficiency
    return matrix


def _by_queue(served: Sequence[Sequence[str]]) -> dict[str, Rows]:
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, names in enumerate(served):
        for name in names:
            rows[name].append(row)
    return {name: np.array(found, dtype=np.intp) for name, found in rows.items()}
