"""Two engines on one Redis: what must hold where the second acts between a decision of the first and its commit."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.domain import Change, Conversation, ConversationState, Presence
from engine.errors import ConflictError
from engine.routing import demand, eligibility
from engine.routing.draft import HOLDING
from engine.routing.duty import Duties
from engine.routing.policy import MINUTE, UNIT, Policy
from engine.stores.redis import RedisStore, open_store
from engine.stores.redis_url import connect
from tests.engine.stores.redis_server import RedisServer, redis_server  # noqa: F401
from tests.fakes import TENANT, Desk, FakeClock, ask, make_agent, make_desk

NAMES = ("ann", "bob")
CHAT, CALL = 1, 6  # a call takes all of an agent
WAITING = ConversationState.WAITING
KINDS = (
    "message",
    "message",
    "close",
    "close",
    "accept",
    "decline",
    "transfer",
    "capacity",
    "presence",
    "tick",
)
# What to do and two numbers that say to whom.
ACTS = st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 3))
Act = tuple[str, int, int]
POLICIES = st.builds(
    Policy,
    auto_accept=st.booleans(),
    channel_units=st.just({CALL: 0}),
    max_angry_streak=st.just(1),
    sla=st.just(1.0),
)


class InterruptedStore(RedisStore):
    """Before its next commit the `rival` acts, once."""

    rival: Callable[[], object] | None = None

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        rival, self.rival = self.rival, None
        if rival:
            rival()
        return super().commit(changes)


class TwoEngines(RuleBasedStateMachine):
    """One desk of two agents and one skill, so that whatever happens concerns everybody."""

    server: RedisServer

    @initialize(policy=POLICIES)
    def open(self, policy: Policy) -> None:
        with self.server.client() as client:
            client.flushall()
        self.clock = FakeClock()
        self.numbers = itertools.count()
        self.before: dict[str, Conversation] = {}
        self.store = InterruptedStore(connect(self.server.url))
        self.one = make_desk(self.store, policy=policy, clock=self.clock)
        self.other = make_desk(open_store(self.server.url), policy=policy, clock=self.clock)
        for name in NAMES:
            self._capacity(self.one, NAMES.index(name), 0)
            self.one.team.set_presence(TENANT, name, Presence.ONLINE)
            self._message(self.one, 9, 0)

    def teardown(self) -> None:
        if hasattr(self, "one"):
            self.store.close()
            self.other.store.close()

    @rule(act=ACTS)
    def one_acts_alone(self, act: Act) -> None:
        self._act(self.one, act)

    @rule(act=ACTS, rival=ACTS)
    def the_other_acts_in_between(self, act: Act, rival: Act) -> None:
        self.store.rival = lambda: self._act(self.other, rival)
        self._act(self.one, act)
        self.store.rival = None

    @rule(milliseconds=st.sampled_from([1, 15_000, 21_000, MINUTE]))
    def let_time_pass(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)
        while self.one.lifecycle.tick(self.clock.now_ms()):
            pass

    @invariant()
    def nobody_waits_while_an_eligible_agent_has_room(self) -> None:
        draft = self.one.dispatcher.draft(TENANT)
        for one in self._conversations(WAITING):
            wanted = demand.of(one, draft.policy, draft.now_ms)
            assert not len(eligibility.eligible(draft.crew, wanted, Duties(draft.crew.roster), draft.now_ms))

    @invariant()
    def who_came_first_went_first(self) -> None:
        now = {one.conversation_id: one for one in self._conversations()}
        waited = [one for one in self.before.values() if one.state is WAITING]
        for given in waited:
            after = now[given.conversation_id]
            if after.state in HOLDING and after.requirement == given.requirement:
                assert not [one for one in waited if _was_passed_over(one, now, given, after)]
        self.before = now

    @invariant()
    def both_know_the_same(self) -> None:
        rosters = [desk.store.roster(TENANT) for desk in (self.one, self.other)]
        assert rosters[0].load.tolist() == rosters[1].load.tolist()
        assert rosters[0].presences == rosters[1].presences

    def _act(self, desk: Desk, act: Act) -> None:
        kind, which, how = act
        with contextlib.suppress(ConflictError):
            getattr(self, f"_{kind}")(desk, which, how)

    def _message(self, desk: Desk, which: int, how: int) -> None:
        number = which if which < len(self.before) else next(self.numbers)
        text = "shipping.track!" if how == 1 else "shipping.track"
        ask(desk, text, conversation_id=f"c{number}", channel=CALL if how == 2 else CHAT)

    def _close(self, desk: Desk, which: int, _: int) -> None:
        if one := self._any(HOLDING, which):
            desk.lifecycle.close(TENANT, one.conversation_id)

    def _accept(self, desk: Desk, which: int, _: int) -> None:
        if one := self._any({ConversationState.OFFERED}, which):
            desk.lifecycle.accept(TENANT, one.reservation_id)

    def _decline(self, desk: Desk, which: int, _: int) -> None:
        if one := self._any({ConversationState.OFFERED}, which):
            desk.lifecycle.decline(TENANT, one.reservation_id)

    def _transfer(self, desk: Desk, which: int, how: int) -> None:
        if one := self._any(HOLDING | {WAITING}, which):
            desk.lifecycle.transfer(TENANT, one.conversation_id, agent_id=NAMES[how % 2])

    def _capacity(self, desk: Desk, which: int, how: int) -> None:
        agent = make_agent(NAMES[which % 2], skills={"logistics": 3}, capacity=(1 + how % 2) * UNIT)
        desk.team.put(TENANT, agent)

    def _presence(self, desk: Desk, which: int, how: int) -> None:
        presence = (Presence.ONLINE, Presence.ONLINE, Presence.OFFLINE, Presence.AWAY)[how]
        desk.team.set_presence(TENANT, NAMES[which % 2], presence)

    def _tick(self, desk: Desk, *_: int) -> None:
        desk.lifecycle.tick(self.clock.now_ms())

    def _any(
        self, states: set[ConversationState] | frozenset[ConversationState], which: int
    ) -> Conversation | None:
        found = [one for one in self._conversations() if one.state in states]
        return found[which % len(found)] if found else None

    def _conversations(self, state: ConversationState | None = None) -> list[Conversation]:
        return self.other.store.list_conversations(TENANT, state, None, 1000)


def _was_passed_over(
    earlier: Conversation, now: dict[str, Conversation], given: Conversation, after: Conversation
) -> bool:
    """Whether the earlier one, alike but for its age, could have had the place that was given."""
    later = now[earlier.conversation_id]
    unchanged = later.state is WAITING and later.queues == earlier.queues
    alike = earlier.requirement == given.requirement and earlier.queues == given.queues
    might = after.agent_id not in later.declined and earlier.channel == given.channel
    return unchanged and alike and might and not later.mood.is_angry and later.rank_ms < given.rank_ms


TwoEngines.TestCase.settings = settings(
    max_examples=60, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)


class TestTwoEngines(TwoEngines.TestCase):  # type: ignore[misc, valid-type]
    @pytest.fixture(autouse=True)
    def _served(self, redis_server: RedisServer) -> None:  # noqa: F811
        TwoEngines.server = redis_server
