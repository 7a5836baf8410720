"""Makes journaled decisions once more, each where it stood when it was made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.domain import Event, Presence, StoredEvent
from engine.errors import EngineError
from engine.ports import Codec
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.routing.policy import Policy
from engine.servicers import convert
from engine.timeline import difference, entry, recorded, transition
from engine.timeline.difference import ROUTING, Redecided
from engine.timeline.entry import MESSAGE, Commit
from engine.timeline.past import Past
from engine.timeline.past_store import PastStore
from engine.timeline.rereading import Rereader
from engine.workflow.hook import NoWorkflow

Deed = Callable[[], object]


class Moment:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        """See `ports.Clock`."""
        return self.ms


class _Policies:
    def __init__(self, past: Past, given: Policy | None) -> None:
        self._past = past
        self._given = given

    def of(self, _tenant: str) -> Policy:
        """See `ports.Policies`."""
        return self._given or self._past.policy


@dataclass(frozen=True, slots=True)
class _Coming:
    """What an agent's coming or going leads to, should the journal's next commit not tell it."""

    sequence: int
    time_ms: int
    deed: Deed


class Redecider:
    """Goes along a tenant's journal from its first commit on, by `pass_by` or `redecide`.

    Only what routing decides is decided again: what rules did and what was suggested is taken as it was. `skipped`
    counts the commits whose conversation began before the journal does.
    """

    def __init__(self, *, past: Past, rereader: Rereader, codec: Codec, policy: Policy | None) -> None:
        self.past = past
        self.skipped = 0
        self._rereader = rereader
        self._strictly = policy is None
        self._store = PastStore(past)
        self._store.policy = policy
        self._clock = Moment()
        self._dispatcher = Dispatcher(
            store=self._store, codec=codec, clock=self._clock, policies=_Policies(past, policy)
        )
        self._lifecycle = Lifecycle(
            store=self._store, codec=codec, dispatcher=self._dispatcher, workflow=NoWorkflow()
        )
        self._coming: _Coming | None = None

    def pass_by(self, commit: Commit) -> None:
        """Let the past go on by it, as it was."""
        self.past.apply(commit)
        self._coming = self._led_to(commit[0])

    def redecide(self, commit: Commit) -> list[Redecided]:
        """What would be otherwise in it; then the same."""
        late = self.rest(commit)
        self.past.learn(commit)
        found = [*late, *self._redecide(commit)]
        self.pass_by(commit)
        return found

    def rest(self, following: Commit = ()) -> list[Redecided]:
        """What an agent's coming or going would lead to that does not follow in the journal."""
        coming = self._coming
        if coming is None or any(one.event.after == coming.sequence for one in following):
            return []
        return difference.compare([], self._made(coming.deed, coming.time_ms), strictly=self._strictly)

    def _redecide(self, commit: Commit) -> list[Redecided]:
        routed = [one for one in entry.without_rules(commit) if one.event.kind in ROUTING]
        if not routed:
            return []
        messages = [one for one in routed if one.event.kind == MESSAGE]
        if messages:
            made = self._received(messages)
        elif deed := self._deed(commit, entry.roots(commit)):
            made = self._made(deed, commit[0].event.time_ms)
        else:
            self.skipped += 1
            return []
        return difference.compare(routed, made, strictly=self._strictly)

    def _received(self, messages: Sequence[StoredEvent]) -> Sequence[Event]:
        tenant, time_ms = self.past.tenant, messages[0].event.time_ms
        told = recorded.told([entry.payload(one) for one in messages], self.past.skills)
        read = self._rereader.read(told)
        self._clock.ms = time_ms
        self._dispatcher.expect(tenant)
        draft = self._dispatcher.draft(tenant, read=read)
        rows = range(len(messages))
        ids, assignments = self._dispatcher.receive(draft, told.batch, rows, read)
        analyses = convert.analyses_to_proto(read)
        answered = [
            Event(
                conversation_id=conversation_id,
                kind=MESSAGE,
                time_ms=time_ms,
                data=recorded.answered(analysis, convert.assignment_to_proto(assignment)),
            )
            for conversation_id, analysis, assignment in zip(ids, analyses, assignments, strict=True)
        ]
        return [*answered, *draft.change().events]

    def _made(self, deed: Deed, time_ms: int) -> Sequence[Event]:
        """What it would journal; nothing where it would be refused."""
        self._store.made.clear()
        self._clock.ms = time_ms
        self._dispatcher.expect(self.past.tenant)
        try:
            deed()
        except EngineError:
            return []
        return [event for change in self._store.made for event in change.events]

    def _deed(self, commit: Commit, roots: Commit) -> Deed | None:
        """What led to the commit, to be done again; None where the journal does not hold enough for it."""
        first = next((one for one in roots if one.event.kind in _DEEDS or one.event.after), None)
        if first is None:
            return None
        if first.event.kind == "presence_changed":
            return partial(self._welcome, begun=entry.payload(first).agent_ids)
        if first.event.after:
            coming = self._coming
            return coming.deed if coming and coming.sequence == first.event.after else None
        if first.event.kind == "conversation_assigned":  # an engine that starts welcomes whoever is there
            online = [one.agent_id for one in self.past.roster.agents if self._is_online(one.agent_id)]
            return partial(self._welcome, came=online)
        if first.event.conversation_id not in self.past.conversations:
            return None
        found = _DEEDS[first.event.kind](self, first, entry.payload(first))
        return found or partial(self._lifecycle.end_due, self.past.tenant, _conversations(roots))

    def _led_to(self, first: StoredEvent) -> _Coming | None:
        if first.event.kind not in ("presence_changed", "agent_put"):
            return None
        told = entry.payload(first)
        if first.event.kind == "agent_put":
            return self._came(first, told.agent.agent_id)
        if told.how != "shift" and told.presence == convert.PRESENCE_NUMBERS[Presence.OFFLINE]:
            gone = partial(self._lifecycle.agent_gone, self.past.tenant, told.agent_ids[0], first.sequence)
            return _Coming(first.sequence, first.event.time_ms, gone)
        return self._came(first, told.agent_ids[0]) if told.how != "shift" else None

    def _came(self, first: StoredEvent, agent_id: str) -> _Coming | None:
        if not self._is_online(agent_id):
            return None
        deed = partial(self._welcome, came=[agent_id], after=first.sequence)
        return _Coming(first.sequence, first.event.time_ms, deed)

    def _is_online(self, agent_id: str) -> bool:
        roster = self.past.roster
        return bool(roster.online[roster.rows[agent_id]])

    def _welcome(self, *, came: Collection[str] = (), begun: Collection[str] = (), after: int = 0) -> None:
        self._dispatcher.expect(self.past.tenant, came, begun)
        self._dispatcher.welcome(self.past.tenant, after)

    def _closed(self, one: StoredEvent, _: Any) -> Deed:  # noqa: ANN401
        return partial(self._lifecycle.close, self.past.tenant, one.event.conversation_id)

    def _completed(self, one: StoredEvent, _: Any) -> Deed | None:  # noqa: ANN401
        found = self.past.conversations[one.event.conversation_id]
        if 0 < found.due_ms <= one.event.time_ms:
            return None
        return partial(self._lifecycle.complete, self.past.tenant, one.event.conversation_id)

    def _joined(self, one: StoredEvent, joined: Any) -> Deed:  # noqa: ANN401
        return partial(self._lifecycle.join, self.past.tenant, one.event.conversation_id, joined.agent_id)

    def _transferred(self, one: StoredEvent, moved: Any) -> Deed:  # noqa: ANN401
        target = transition.target(moved)
        return partial(self._lifecycle.transfer, self.past.tenant, one.event.conversation_id, **target)

    def _accepted(self, _: StoredEvent, accepted: Any) -> Deed:  # noqa: ANN401
        return partial(self._lifecycle.accept, self.past.tenant, accepted.reservation_id)

    def _ended(self, _: StoredEvent, ended: Any) -> Deed | None:  # noqa: ANN401
        if ended.how != "declined":
            return None
        return partial(self._lifecycle.decline, self.past.tenant, ended.reservation_id)

    def _due(self, _: StoredEvent, __: Any) -> None:  # noqa: ANN401
        """It ended by itself."""


def _conversations(roots: Commit) -> list[str]:
    return list(dict.fromkeys(one.event.conversation_id for one in roots if one.event.conversation_id))


# What to do again for the entry that a commit begins with; None: whatever was due.
_DEEDS: Mapping[str, Callable[[Redecider, StoredEvent, Any], Deed | None]] = {
    "conversation_assigned": Redecider._due,  # noqa: SLF001
    "conversation_closed": Redecider._closed,  # noqa: SLF001  # the table of its own methods
    "conversation_completed": Redecider._completed,  # noqa: SLF001
    "conversation_joined": Redecider._joined,  # noqa: SLF001
    "conversation_transferred": Redecider._transferred,  # noqa: SLF001
    "decliners_asked_again": Redecider._due,  # noqa: SLF001
    "presence_changed": Redecider._due,  # noqa: SLF001
    "requirement_relaxed": Redecider._due,  # noqa: SLF001
    "reservation_accepted": Redecider._accepted,  # noqa: SLF001
    "reservation_ended": Redecider._ended,  # noqa: SLF001
}
