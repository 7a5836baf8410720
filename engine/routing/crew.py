"""A roster under a policy, as arrays that many decisions share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from engine.domain import Assignment, Conversation, Outcome, Roster
from engine.routing import queue, shift
from engine.routing.policy import MINUTE, UNIT, Policy

Rows = npt.NDArray[np.intp]
_NOBODY: Rows = np.empty(0, dtype=np.intp)
_SERVING_KEPT = 4096  # distinct sets of queues whose agents are remembered
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
        self._speaks: dict[str, npt.NDArray[np.bool_]] = {}
        self._serving: dict[tuple[str, ...], Rows] = {}
        self._keeping: dict[tuple[str, str, int, str], Assignment] = {}
        self._has_shifts = np.array([bool(agent.shifts) for agent in roster.agents], dtype=np.bool_)
        self._on_shift: tuple[int, npt.NDArray[np.bool_]] = (-1, np.empty(0, dtype=np.bool_))
        self._seen_on_shift = ~self._has_shifts
        self._asked_minute = -1
        self._begun: set[str] = set()

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

    def working(self, now_ms: int) -> npt.NDArray[np.bool_]:
        """[A], who is on shift."""
        minute = now_ms // MINUTE
        if self._on_shift[0] != minute:
            mask = [shift.is_on_shift(agent, now_ms) for agent in self.roster.agents]
            self._on_shift = (minute, np.array(mask, dtype=np.bool_))
        return self._on_shift[1]


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
