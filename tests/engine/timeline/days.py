"""Days at a desk, made by chance: customers write, agents come and go, offers are taken or not, time passes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from yingda.v1 import message_pb2

from engine.domain import ConversationState, Presence, StoredEvent
from engine.errors import ConflictError
from engine.ports import Store
from engine.routing.lifecycle import MAX_PARTICIPANTS
from engine.routing.policy import MINUTE, UNIT, Policy
from engine.timeline.entry import Commit, commits
from engine.workflow.rule import (
    AddTags,
    AssignTeam,
    CloseConversation,
    Condition,
    Escalate,
    OpenTicket,
    Rule,
    SendReply,
    SetPriority,
    Trigger,
)
from tests.fakes import TENANT, Desk, FakeClassifier, get, make_agent, make_batch, make_message

SKILLS = ("logistics", "finance", "general")
AGENTS = ("ann", "bob", "cat", "dan", "eve")
POLICIES: Mapping[str, Policy] = {
    "plain": Policy(),
    "asking": Policy(auto_accept=False, wrap_up_seconds=10),
    "strict": Policy(
        auto_accept=False,
        require_language=True,
        min_proficiency=3,
        neighbours={"finance": ("general",)},
        overflow_team="night",
        channel_units={6: 50, 2: 0},
        max_angry_streak=1,
    ),
}
RULES = (  # one for each thing that a rule may do to a conversation
    Rule(
        rule_id="tag",
        when=Condition(intents=("finance.x", "refund.request")),
        then=(AddTags(tags=("a", "b")),),
    ),
    Rule(rule_id="front", when=Condition(min_anger=0.5), then=(SetPriority(priority=7),), window_ms=0),
    Rule(
        rule_id="night", when=Condition(keywords=("好",)), then=(AssignTeam(team="night"),), window_ms=60_000
    ),
    Rule(rule_id="up", when=Condition(min_vip=2), then=(Escalate(team="night"), AddTags(tags=("c",)))),
    Rule(
        rule_id="end", when=Condition(intents=("chat.greeting",), min_anger=0.5), then=(CloseConversation(),)
    ),
    Rule(
        rule_id="late",
        trigger=Trigger.WAITING,
        when=Condition(min_relaxation=2),
        then=(OpenTicket(title="late"), SendReply(texts={"en": "{ticket_id}", "zh": "{ticket_id}"})),
    ),
    Rule(
        rule_id="later",
        trigger=Trigger.WAITING,
        when=Condition(min_relaxation=3),
        then=(SetPriority(priority=9), AssignTeam(team="night")),
    ),
)
Deed = Callable[["Day"], None]


class Day:
    """What happens next is drawn from one seed; `known` are the conversations so far."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.dice = random.Random(seed)
        self.known: list[str] = []
        self._messages = 0
        self._customers = 0

    def open(self, conversations: int) -> None:
        """Go on until so many conversations were opened."""
        for agent_id in AGENTS:
            self._put(agent_id)
            self.desk.team.set_presence(TENANT, agent_id, Presence.ONLINE)
        while len(self.known) < conversations:
            (deed,) = self.dice.choices(list(_DEEDS), weights=list(_DEEDS.values()))
            deed(self)

    def send(self) -> None:
        """A batch, of customers new and known, some in one conversation."""
        batch = [self._message() for _ in range(self.dice.randint(1, 12))]
        self.desk.clock.advance(self.dice.randint(0, 5000))
        self.desk.pipeline.process(make_batch(*batch))
        found = self.desk.store.list_conversations(TENANT, None, None, len(batch))
        self.known += [one.conversation_id for one in found if one.conversation_id not in self.known[-64:]]

    def answer(self) -> None:
        """Offers are taken, mostly."""
        for one in self._in(ConversationState.OFFERED)[: self.dice.randint(1, 6)]:
            lifecycle = self.desk.lifecycle
            answer = lifecycle.accept if self.dice.random() < 0.7 else lifecycle.decline
            try:
                answer(TENANT, get(self.desk, one).reservation_id)
            except ConflictError:
                continue  # it ended meanwhile

    def close(self) -> None:
        """Some are closed."""
        for one in self._some():
            self.desk.lifecycle.close(TENANT, one)

    def complete(self) -> None:
        """Wrap-ups end."""
        for one in self._in(ConversationState.WRAPPING)[:3]:
            self.desk.lifecycle.complete(TENANT, one)

    def transfer(self) -> None:
        """One is given on."""
        target = self.dice.choice(
            [{"team": "night"}, {"skill": self.dice.choice(SKILLS)}, {"agent_id": self.dice.choice(AGENTS)}]
        )
        for one in self._open()[:1]:
            self.desk.lifecycle.transfer(TENANT, one, **target)

    def join(self) -> None:
        """A supervisor looks in."""
        for one in self._open()[:1]:
            if len(get(self.desk, one).participants) < MAX_PARTICIPANTS:
                self.desk.lifecycle.join(TENANT, one, self.dice.choice(AGENTS))

    def come_and_go(self) -> None:
        """An agent's presence changes, or the agent."""
        agent_id = self.dice.choice(AGENTS)
        if self.dice.random() < 0.2:
            self._put(agent_id)
        presence = self.dice.choice([*[Presence.ONLINE] * 4, *Presence])
        self.desk.team.set_presence(TENANT, agent_id, presence, self.dice.choice([0, 0, 30_000]))

    def wait(self) -> None:
        """Time passes, and does what it does."""
        clock, store = self.desk.clock, self.desk.store
        end_ms = clock.now_ms() + self.dice.choice([1, 5_000, 21_000, 3 * MINUTE])
        while (moment := store.next_due_ms()) is not None and moment <= end_ms:
            clock.advance(max(moment - clock.now_ms(), 0))
            self.desk.lifecycle.tick(clock.now_ms())
        clock.advance(end_ms - clock.now_ms())

    def _put(self, agent_id: str) -> None:
        skills = {one: self.dice.randint(1, 5) for one in SKILLS if self.dice.random() < 0.7} or {
            "general": 1
        }
        agent = make_agent(
            agent_id,
            skills=skills,
            languages=self.dice.choice([frozenset(), frozenset({"en"}), frozenset({"zh", "en"})]),
            teams=self.dice.choice([frozenset(), frozenset({"night"})]),
            capacity=self.dice.randint(2, 8) * UNIT,
        )
        self.desk.team.put(TENANT, agent)

    def _message(self) -> message_pb2.Message:
        self._messages += 1
        if self.dice.random() < 0.5:
            self._customers += 1
        text = f"{self.dice.choice([*FakeClassifier.intents, '?'])} {self.dice.choice(['a', '好', '!'])}"
        customer = max(self._customers - self.dice.choice([0, 0, 1, 2, 8]), 0)
        hints = message_pb2.RoutingHints(
            priority=self.dice.choice([0, 5]),
            vip=self.dice.choice([0, 2]),
            agent_id=self.dice.choice(["", "", "", "ann"]),
            preferred_agent_id=self.dice.choice(["", "bob"]),
            team=self.dice.choice(["", "", "", "night"]),
        )
        return make_message(
            text,
            message_id=f"m{self._messages}",
            channel=self.dice.choice([1, 1, 2, 6]),
            customer_id=f"cu{customer}",
            routing=hints if self.dice.random() < 0.3 else None,
        )

    def _some(self) -> list[str]:
        return self.dice.sample(self.known, min(len(self.known), self.dice.randint(1, 5)))

    def _in(self, *states: ConversationState) -> list[str]:
        found = [
            one.conversation_id
            for state in states
            for one in self.desk.store.list_conversations(TENANT, state, None, 20)
        ]
        self.dice.shuffle(found)
        return found

    def _open(self) -> list[str]:
        return self._in(ConversationState.WAITING, ConversationState.OFFERED, ConversationState.ASSIGNED)


_DEEDS: dict[Deed, int] = {
    Day.send: 30,
    Day.answer: 20,
    Day.close: 30,
    Day.complete: 4,
    Day.transfer: 5,
    Day.join: 3,
    Day.come_and_go: 6,
    Day.wait: 10,
}


def journal(store: Store, tenant: str = TENANT) -> Iterator[StoredEvent]:
    """All of a tenant's journal, in order."""
    through = 0
    while (page := store.bots.journal(tenant, through, (), 500)).through > through:
        yield from page.events
        through = page.through


def told(store: Store) -> Iterator[Commit]:
    """The same, by commits."""
    return commits(journal(store))
