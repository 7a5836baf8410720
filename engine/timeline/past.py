"""A tenant as its journal tells it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from engine import roster as rosters
from engine.domain import Agent, Conversation, ConversationState, Roster, StoredEvent
from engine.routing.crew import Crew
from engine.routing.draft import Draft
from engine.routing.intake import blank
from engine.routing.policy import UNIT, Policy
from engine.routing.requeue import is_misplaced
from engine.servicers import convert
from engine.timeline import entry, recorded, transition
from engine.timeline.entry import MESSAGE, Commit
from engine.timeline.recorded import Told

_POLICY = TypeAdapter(Policy)
NOBODY = rosters.make([], presences=[], leases=[], load=[], streak=[])


class Past:
    """Conversations, agents and what decided, as they were at the newest commit applied.

    Given all of a tenant's commits in order, everything is as the store had it; given those of one conversation and
    those that concern the tenant as a whole, the conversation is, and agents' loads are of it alone. Presence leases
    are not journaled.
    """

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.conversations: dict[str, Conversation] = {}
        self.waiting: dict[str, None] = {}
        self.held: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.open: defaultdict[tuple[int, str], dict[str, None]] = defaultdict(dict)
        self.roster: Roster = NOBODY
        self.policy = Policy()
        self.skills: dict[str, Mapping[str, str]] = {}
        self._crew = Crew(self.roster, self.policy)

    def apply(self, commit: Commit) -> None:
        """Go on by one commit."""
        known = [one for one in entry.in_true_order(commit) if entry.is_known(one)]
        payloads = [entry.payload(one) for one in known]
        for one, payload in zip(known, payloads, strict=True):
            self._prepare(one, payload)
        received = [
            payload for one, payload in zip(known, payloads, strict=True) if one.event.kind == MESSAGE
        ]
        told = recorded.told(received, self.skills) if received else None
        draft = Draft(tenant=self.tenant, crew=self._current_crew(), now_ms=commit[0].event.time_ms)
        if any(one.event.kind == "basis_changed" for one in known):
            self._requeue(draft)
        rows = iter(range(len(received)))
        for one, payload in zip(known, payloads, strict=True):
            if one.event.kind == MESSAGE and told:
                self._receive(draft, one, told, next(rows))
            elif step := transition.STEPS.get(one.event.kind):
                self._step(draft, one, step, payload)
        self._keep(draft)

    def learn(self, commit: Commit) -> None:
        """What the commit was decided by, which it may be the first to tell."""
        for one in commit:
            if one.event.kind == "basis_changed":
                self._decide_by(entry.payload(one))

    def put(self, conversation: Conversation) -> None:
        """Know the conversation as it is, whatever the journal told."""
        name = conversation.conversation_id
        if before := self.conversations.get(name):
            self._leave(before)
        self.conversations[name] = conversation
        if conversation.state is ConversationState.WAITING:
            self.waiting[name] = None
        if conversation.agent_id:
            self.held[conversation.agent_id][name] = None
        if conversation.state is not ConversationState.CLOSED:
            self.open[_customer(conversation)][name] = None

    def _prepare(self, one: StoredEvent, payload: Any) -> None:  # noqa: ANN401
        """What concerns the tenant, and what must be known before a conversation can go on."""
        if change := _OF_TENANT.get(one.event.kind):
            change(self, payload)
        for agent_id in _given_to(one, payload):
            if agent_id not in self.roster.rows:  # put before the journal told of agents
                self._add(Agent(agent_id=agent_id, name=agent_id, skills={}, capacity=UNIT))

    def _requeue(self, draft: Draft) -> None:
        """Whoever waits does so as the policy says from here on."""
        for name in list(self.waiting):
            if is_misplaced(self.conversations[name], draft.policy):
                draft.wait(self.conversations[name])

    def _receive(self, draft: Draft, one: StoredEvent, told: Told, row: int) -> None:
        name, batch = one.event.conversation_id, told.batch
        found = draft.conversation(name) or self.conversations.get(name)
        if found is None:
            found = blank(draft.now_ms, name, batch.channels[row], batch.customer_ids[row])
        transition.receive(draft, found, told, row)

    def _step(self, draft: Draft, one: StoredEvent, step: transition.Step, payload: object) -> None:
        name = one.event.conversation_id
        # What an entry did whose conversation began before the journal does cannot be told.
        if found := draft.conversation(name) or self.conversations.get(name):
            step(draft, found, payload)

    def _keep(self, draft: Draft) -> None:
        change = draft.change()
        for conversation in (*change.conversations, *change.kept):
            self.put(conversation)
        rosters.follow(self.roster, change.claims, change.streaks)

    def _leave(self, before: Conversation) -> None:
        name = before.conversation_id
        self.waiting.pop(name, None)
        self.held[before.agent_id].pop(name, None)
        self.open[_customer(before)].pop(name, None)

    def _current_crew(self) -> Crew:
        if self._crew.roster is not self.roster or self._crew.policy is not self.policy:
            self._crew = Crew(self.roster, self.policy)
        return self._crew

    def _add(self, agent: Agent) -> None:
        self.roster = rosters.with_agent(self.roster, agent)

    def _put_agent(self, put: Any) -> None:  # noqa: ANN401
        self._add(convert.agent_from_proto(put.agent))

    def _set_presence(self, changed: Any) -> None:  # noqa: ANN401
        for agent_id in changed.agent_ids:
            if agent_id in self.roster.rows:
                rosters.set_presence(self.roster, agent_id, convert.PRESENCES[changed.presence], 0)

    def _decide_by(self, basis: Any) -> None:  # noqa: ANN401
        if basis.policy_version != self.policy.version:
            self.policy = _POLICY.validate_json(basis.policy)
        if basis.bundle_id:
            self.skills[basis.bundle_id] = dict(basis.skills)


def _customer(conversation: Conversation) -> tuple[int, str]:
    return conversation.channel, conversation.customer_id


def _given_to(one: StoredEvent, payload: Any) -> Sequence[str]:  # noqa: ANN401
    if one.event.kind == MESSAGE:
        return [payload.answer.assignment.agent_id] if payload.answer.assignment.agent_id else []
    return [payload.assignment.agent_id] if one.event.kind == "conversation_assigned" else []


_OF_TENANT: Mapping[str, Callable[[Past, Any], None]] = {
    "agent_put": Past._put_agent,  # noqa: SLF001  # the table of its own methods
    "presence_changed": Past._set_presence,  # noqa: SLF001
    "basis_changed": Past._decide_by,  # noqa: SLF001
}
