"""What must hold whatever happens in whatever order."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from yingda.v1 import answer_pb2, message_pb2

from engine.domain import Agent, Conversation, ConversationState, Presence, Requirement
from engine.routing.eligibility import exclusion
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
AGENTS = st.builds(
    make_agent,
    st.sampled_from(["ann", "bob", "cat"]),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), min_size=1),
    languages=st.sets(st.sampled_from(["zh", "en"])).map(frozenset),
    capacity=st.integers(1, 3),
)
TEXTS = st.builds(
    "{} {}".format, st.sampled_from([*FakeClassifier.intents, "?"]), st.sampled_from(["a", "好", "!"])
)
PLACES: st.SearchStrategy[dict[str, FieldValue]] = st.one_of(
    st.builds(dict, customer_id=st.sampled_from(["cu1", "cu2", "cu3", "cu4"]), channel=st.integers(1, 2)),
    st.builds(dict, conversation_id=st.sampled_from(["x", "y", "z"]), customer_id=st.just("")),
    st.builds(
        dict, conversation_id=st.sampled_from(["x", "y", "z"]), customer_id=st.sampled_from(["cu1", "cu2"])
    ),
)
MESSAGES = st.builds(lambda text, place: make_message(text, **place), TEXTS, PLACES)


class Shop(RuleBasedStateMachine):
    """One tenant's day."""

    desk: Desk

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.answers: dict[tuple[int, str], answer_pb2.MessageAnswer] = {}
        self.messages: list[message_pb2.Message] = []
        self.versions: dict[str, int] = {}
        self.loads: dict[str, int] = {}
        self._start()

    def teardown(self) -> None:
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

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        conversation_id = data.draw(st.sampled_from(sorted(self.versions)))
        closed = self.desk.dispatcher.close(TENANT, conversation_id)
        assert closed.state is ConversationState.CLOSED

    @rule(agent=AGENTS)
    def put_agent(self, agent: Agent) -> None:
        self.desk.team.put(TENANT, agent)

    @precondition(lambda self: self._agents())
    @rule(data=st.data(), presence=st.sampled_from([Presence.ONLINE, *Presence]))
    def set_presence(self, data: st.DataObject, presence: Presence) -> None:
        self.desk.team.set_presence(TENANT, data.draw(st.sampled_from(self._agents())), presence)

    @rule(milliseconds=st.integers(0, 5))
    def let_time_pass(self, milliseconds: int) -> None:
        self.desk.clock.advance(milliseconds)

    @rule()
    def restart(self) -> None:
        self.desk.store.close()
        self._start()

    @invariant()
    def loads_are_what_is_assigned(self) -> None:
        held = Counter(
            one.agent_id for one in self._conversations() if one.state is ConversationState.ASSIGNED
        )
        loads = {agent_id: load for agent_id, load in self._roster_loads().items() if load}
        assert loads == held

    @invariant()
    def nobody_is_given_more_than_they_can_hold(self) -> None:
        roster, loads = self.desk.store.roster(TENANT), self._roster_loads()
        for agent_id, load in loads.items():
            assert load <= max(roster.agents[agent_id].capacity, self.loads.get(agent_id, 0))
        self.loads = loads

    @invariant()
    def nobody_waits_while_an_eligible_agent_has_room(self) -> None:
        roster = self.desk.store.roster(TENANT)
        for one in self._conversations(ConversationState.WAITING):
            wanted = Requirement(skill=one.skill, language=one.language)
            loads = roster.loads
            assert all(exclusion(agent, wanted, loads[name]) for name, agent in roster.agents.items())

    @invariant()
    def an_agent_and_a_wait_go_with_the_state(self) -> None:
        for one in self._conversations():
            assert bool(one.agent_id) is (one.state is ConversationState.ASSIGNED)
            assert bool(one.queued_ms) is (one.state is ConversationState.WAITING)
            assert one.skill

    @invariant()
    def versions_only_grow(self) -> None:
        versions = {one.conversation_id: one.version for one in self._conversations()}
        assert all(versions[name] >= version for name, version in self.versions.items())
        self.versions = versions

    @invariant()
    def the_journal_has_every_message_once(self) -> None:
        events = [
            stored.event
            for one in self._conversations()
            for stored in self.desk.store.events(TENANT, one.conversation_id, 0, 10_000)
            if stored.event.key
        ]
        sent = {f"{message.channel}:{message.message_id}" for message in self.messages}
        assert sorted(event.key for event in events) == sorted(sent)

    def _start(self) -> None:
        now_ms = self.desk.clock.now_ms() if hasattr(self, "desk") else 1_000
        self.desk = make_desk(open_store(Path(self.folder.name) / "yingda.db", sync="normal"))
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

    def _conversations(self, state: ConversationState | None = None) -> list[Conversation]:
        return self.desk.store.list_conversations(TENANT, state, None, 10_000)

    def _agents(self) -> list[str]:
        return sorted(self.desk.store.roster(TENANT).agents)

    def _roster_loads(self) -> dict[str, int]:
        return dict(self.desk.store.roster(TENANT).loads)


Shop.TestCase.settings = settings(max_examples=20, stateful_step_count=20)
TestShop = Shop.TestCase
