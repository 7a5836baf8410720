"""What must hold whatever happens in whatever order."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from yingda.v1 import answer_pb2, event_pb2, message_pb2

from engine.domain import Agent, Conversation, ConversationState, Event, Presence
from engine.errors import ConflictError
from engine.routing import demand, eligibility, queue
from engine.routing.draft import HOLDING
from engine.routing.duty import Duties
from engine.routing.policy import MINUTE, UNIT, Policy
from engine.stores.sqlite import open_store
from tests.fakes import (
    TENANT,
    Desk,
    FakeClassifier,
    FieldValue,
    make_agent,
    make_batch,
    make_desk,
    make_message,
)

SKILLS = ("logistics", "finance", "general")
NAMES = ("ann", "bob", "cat")
WAITING, OFFERED = ConversationState.WAITING, ConversationState.OFFERED
WRAPPING, CLOSED = ConversationState.WRAPPING, ConversationState.CLOSED
AGENTS = st.builds(
    make_agent,
    st.sampled_from(NAMES),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), min_size=1),
    languages=st.sets(st.sampled_from(["zh", "en"])).map(frozenset),
    teams=st.sets(st.sampled_from(["night"])).map(frozenset),
    capacity=st.integers(1, 3).map(lambda chats: chats * UNIT),
)
TEXTS = st.builds(
    "{} {}".format, st.sampled_from([*FakeClassifier.intents, "?"]), st.sampled_from(["a", "好", "!"])
)
PLACES: st.SearchStrategy[dict[str, FieldValue]] = st.one_of(
    st.builds(
        dict,
        customer_id=st.sampled_from(["cu1", "cu2", "cu3", "cu4"]),
        channel=st.sampled_from([1, 6]),
    ),
    st.builds(dict, conversation_id=st.sampled_from(["x", "y", "z"]), customer_id=st.just("")),
    st.builds(
        dict, conversation_id=st.sampled_from(["x", "y", "z"]), customer_id=st.sampled_from(["cu1", "cu2"])
    ),
)
HINTS: st.SearchStrategy[message_pb2.RoutingHints | None] = st.one_of(
    st.none(),
    st.builds(
        message_pb2.RoutingHints,
        priority=st.sampled_from([0, 5]),
        vip=st.sampled_from([0, 2]),
        agent_id=st.sampled_from(["", "", "ann"]),
        preferred_agent_id=st.sampled_from(["", "bob"]),
        team=st.sampled_from(["", "", "night"]),
    ),
)
MESSAGES = st.builds(
    lambda text, place, hints: make_message(text, routing=hints, **place), TEXTS, PLACES, HINTS
)
POLICIES = st.builds(
    Policy,
    auto_accept=st.booleans(),
    wrap_up_seconds=st.sampled_from([0, 10]),
    require_language=st.booleans(),
    min_proficiency=st.sampled_from([1, 3]),
    neighbours=st.sampled_from([{}, {"finance": ("general",)}]),
    overflow_team=st.sampled_from(["", "night"]),
    channel_units=st.sampled_from([{}, {6: 50}, {6: 0}]),
)


class Shop(RuleBasedStateMachine):
    """One tenant's day."""

    desk: Desk

    @initialize(policy=POLICIES)
    def open(self, policy: Policy) -> None:
        self.policy = policy
        self.folder = tempfile.TemporaryDirectory()
        self.answers: dict[tuple[int, str], answer_pb2.MessageAnswer] = {}
        self.messages: list[message_pb2.Message] = []
        self.before: dict[str, Conversation] = {}
        self.loads: dict[str, int] = {}
        self._start()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self._everybody_is_asked_in_time()
            self.desk.store.close()
            self.folder.cleanup()

    @rule(messages=st.lists(MESSAGES, min_size=1, max_size=5))
    def send(self, messages: list[message_pb2.Message]) -> None:
        self._process(self._named(messages))

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), fresh=st.lists(MESSAGES, max_size=2))
    def send_again(self, data: st.DataObject, fresh: list[message_pb2.Message]) -> None:
        old = data.draw(st.lists(st.sampled_from(self.messages), min_size=1, max_size=3))
        self._process([*old, *self._named(fresh)])

    @precondition(lambda self: self.before)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        closed = self.desk.lifecycle.close(TENANT, self._any(data))
        assert closed.state in (CLOSED, WRAPPING)

    @precondition(lambda self: self._in(OFFERED))
    @rule(data=st.data(), accepts=st.booleans())
    def answer_an_offer(self, data: st.DataObject, accepts: bool) -> None:
        offer = data.draw(st.sampled_from([one.reservation_id for one in self._in(OFFERED)]))
        answer = self.desk.lifecycle.accept if accepts else self.desk.lifecycle.decline
        answer(TENANT, offer)

    @precondition(lambda self: self.before)
    @rule(data=st.data(), accepts=st.booleans())
    def answer_an_offer_that_has_ended(self, data: st.DataObject, accepts: bool) -> None:
        found = self.before[self._any(data)]
        answer = self.desk.lifecycle.accept if accepts else self.desk.lifecycle.decline
        try:
            answer(TENANT, f"{found.conversation_id}~{found.version + 1}")
        except ConflictError:
            return
        raise AssertionError("an offer that was never made was answered")

    @precondition(lambda self: self.before)
    @rule(data=st.data(), to=st.sampled_from([{"team": "night"}, *({"skill": one} for one in SKILLS), {}]))
    def transfer(self, data: st.DataObject, to: dict[str, str]) -> None:
        found = self.before[self._any(data)]
        to = to or {"agent_id": data.draw(st.sampled_from(self._agents() or [""]))}
        if found.state not in (CLOSED, WRAPPING) and all(to.values()):
            self.desk.lifecycle.transfer(TENANT, found.conversation_id, **to)

    @precondition(lambda self: self._in(WRAPPING))
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one.conversation_id for one in self._in(WRAPPING)]))
        assert self.desk.lifecycle.complete(TENANT, one).state is CLOSED

    @rule(agent=AGENTS)
    def put_agent(self, agent: Agent) -> None:
        self.desk.team.put(TENANT, agent)

    @precondition(lambda self: self._agents())
    @rule(
        data=st.data(),
        presence=st.sampled_from([Presence.ONLINE, Presence.ONLINE, *Presence]),
        lease_ms=st.sampled_from([0, 0, 30_000]),
    )
    def set_presence(self, data: st.DataObject, presence: Presence, lease_ms: int) -> None:
        self.desk.team.set_presence(TENANT, data.draw(st.sampled_from(self._agents())), presence, lease_ms)

    @rule(milliseconds=st.sampled_from([0, 1, 5_000, 21_000, 3 * MINUTE]))
    def let_time_pass(self, milliseconds: int) -> None:
        self._pass(milliseconds)

    @rule()
    def restart(self) -> None:
        self.desk.store.close()
        self._start()

    @invariant()
    def loads_are_the_units_held(self) -> None:
        held: Counter[str] = Counter()
        for one in self._conversations():
            held[one.agent_id] += one.units
        assert {agent_id: load for agent_id, load in self._roster_loads().items() if load} == dict(+held)

    @invariant()
    def nobody_is_given_more_than_they_can_hold(self) -> None:
        roster, loads = self.desk.store.roster(TENANT), self._roster_loads()
        for agent_id, load in loads.items():
            assert load <= max(roster.agents[roster.rows[agent_id]].capacity, self.loads.get(agent_id, 0))
        self.loads = loads

    @invariant()
    def nobody_waits_while_an_eligible_agent_has_room(self) -> None:
        draft = self.desk.dispatcher.draft(TENANT)
        for one in self._conversations(WAITING):
            wanted = demand.of(one, draft.policy, draft.now_ms)
            assert one.queues == wanted.queues
            assert not len(eligibility.eligible(draft.crew, wanted, Duties(draft.crew.roster), draft.now_ms))

    @invariant()
    def an_agent_and_a_wait_go_with_the_state(self) -> None:
        for one in self._conversations():
            assert bool(one.agent_id) == bool(one.units) == (one.state in HOLDING)
            assert bool(one.queued_ms) is (one.state in (WAITING, OFFERED))
            assert bool(one.queues) is (one.state is WAITING)
            assert one.requirement.skill

    @invariant()
    def who_came_first_went_first(self) -> None:
        """Versions only grow as well."""
        now = {one.conversation_id: one for one in self._conversations()}
        waited = [one for one in self.before.values() if one.state is WAITING]
        for given in waited:
            after = now[given.conversation_id]
            if after.state in HOLDING and after.requirement == given.requirement:
                assert not [one for one in waited if self._was_passed_over(one, now, given, after)]
        assert all(now[name].version >= one.version for name, one in self.before.items())
        self.before = now

    @invariant()
    def the_journal_has_every_message_once(self) -> None:
        events = [event for one in self._conversations() for event in self._events(one) if event.key]
        sent = {f"{message.channel}:{message.message_id}" for message in self.messages}
        assert sorted(event.key for event in events) == sorted(sent)

    @invariant()
    def the_journal_tells_who_has_a_conversation(self) -> None:
        for one in self._conversations():
            assert _owner(self._events(one)) == (one.agent_id if one.state is not WRAPPING else "")

    def _was_passed_over(
        self, earlier: Conversation, now: dict[str, Conversation], given: Conversation, after: Conversation
    ) -> bool:
        """Whether the earlier one, alike in skill and priority, could have had the place that was given."""
        later = now[earlier.conversation_id]
        unchanged = later.state is WAITING and later.queues == earlier.queues
        alike = earlier.requirement == given.requirement and earlier.queues == given.queues
        might = after.agent_id not in later.declined and earlier.channel == given.channel
        return unchanged and alike and might and not later.mood.is_angry and later.rank_ms < given.rank_ms

    def _everybody_is_asked_in_time(self) -> None:
        """Within the ladder's time each one that waits has been offered, or has overflowed."""
        waited = {one.conversation_id for one in self._conversations(WAITING)}
        self._pass(round(self.policy.sla * MINUTE) + 1)
        after = {one.conversation_id: one for one in self._conversations()}
        for one in waited:
            offered = any(event.kind == "conversation_assigned" for event in self._events(after[one]))
            assert offered or after[one].relaxation == queue.OVERFLOW

    def _pass(self, milliseconds: int) -> None:
        clock, store = self.desk.clock, self.desk.store
        end_ms = clock.now_ms() + milliseconds
        while (moment := store.next_due_ms()) is not None and moment <= end_ms:
            clock.advance(max(moment - clock.now_ms(), 0))
            self.desk.lifecycle.tick(clock.now_ms())
        clock.advance(end_ms - clock.now_ms())

    def _start(self) -> None:
        now_ms = self.desk.clock.now_ms() if hasattr(self, "desk") else 1_000_000
        store = open_store(Path(self.folder.name) / "yingda.db", sync="normal")
        self.desk = make_desk(store, policy=self.policy)
        self.desk.clock.advance(now_ms - self.desk.clock.now_ms())

    def _named(self, messages: list[message_pb2.Message]) -> list[message_pb2.Message]:
        """The messages under new names, so that a replay sends the same ones."""
        for message in messages:
            message.message_id = f"m{len(self.messages)}"
            self.messages.append(message)
        return messages

    def _process(self, messages: list[message_pb2.Message]) -> None:
        answers = self.desk.pipeline.process(make_batch(*messages))
        for message, serialised in zip(messages, answers, strict=True):
            name = (message.channel, message.message_id)
            answer = answer_pb2.MessageAnswer.FromString(serialised)
            assert answer.duplicate is (name in self.answers)
            answer.duplicate = False
            assert self.answers.setdefault(name, answer) == answer

    def _any(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.before)))

    def _in(self, state: ConversationState) -> list[Conversation]:
        return [one for one in self.before.values() if one.state is state]

    def _conversations(self, state: ConversationState | None = None) -> list[Conversation]:
        return self.desk.store.list_conversations(TENANT, state, None, 10_000)

    def _events(self, one: Conversation) -> list[Event]:
        return [stored.event for stored in self.desk.store.events(TENANT, one.conversation_id, 0, 10_000)]

    def _agents(self) -> list[str]:
        return sorted(self.desk.store.roster(TENANT).rows)

    def _roster_loads(self) -> dict[str, int]:
        roster = self.desk.store.roster(TENANT)
        return {agent_id: int(roster.load[row]) for agent_id, row in roster.rows.items()}


def _owner(events: Sequence[Event]) -> str:
    """Who has the conversation, as far as the journal tells."""
    owner = ""
    for event in events:
        if event.kind in ("reservation_ended", "conversation_transferred", "conversation_closed"):
            owner = ""
        elif event.kind == "conversation_assigned":
            owner = event_pb2.ConversationAssigned.FromString(event.data).assignment.agent_id
        elif event.kind == "message_received":
            owner = event_pb2.MessageReceived.FromString(event.data).answer.assignment.agent_id
        elif event.kind == "reservation_accepted":
            assert event_pb2.ReservationAccepted.FromString(event.data).agent_id == owner
    return owner


Shop.TestCase.settings = settings(max_examples=20, stateful_step_count=25)
TestShop = Shop.TestCase
