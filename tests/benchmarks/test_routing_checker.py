from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest_asyncio

from benchmarks import routing_desk
from benchmarks.routing_checker import Checker
from benchmarks.routing_desk import TENANT, Desk
from benchmarks.routing_race import ORDER, POLICY, PacedClock
from engine.domain import Agent, ConversationState, Presence
from engine.routing.policy import UNIT
from engine.servicers import codec
from engine.stores import sqlite
from tests.fakes import make_conversation

REFUND, PARCEL, STOCK = "please refund me", "where is my parcel", "这个有货吗"


class Shop:
    """One agent with room for one, who serves refunds alone; what is done to it is checked."""

    def __init__(self, desk: Desk, checker: Checker, clock: PacedClock) -> None:
        self.desk = desk
        self.checker = checker
        self._clock = clock

    async def receive(self, *said: tuple[str, str]) -> None:
        """Messages by conversation, in one batch."""
        messages = [routing_desk.make_message(name, text) for name, text in said]
        batch = codec.decode([one.SerializeToString() for one in messages])
        await self.desk.run(self.desk.pipeline.process, batch)
        self._clock.advance(10)

    def judged(self) -> tuple[int, int]:
        """Doubts, and inversions once they are settled."""
        store = self.desk.store
        doubts = self.checker.judge(lambda name: store.events(TENANT, name, 0, 100))
        return doubts, self.checker.faults.inversions


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    checker, clock, reader = Checker(ORDER), PacedClock(), routing_desk.classifier()
    with closing(sqlite.open_store(tmp_path / "y.db", sync="normal")) as store:
        store.subscribe(checker.follow)
        desk = routing_desk.make_desk(store, reader, POLICY, clock)
        checker.allow("ann", UNIT)
        ann = Agent(agent_id="ann", name="Ann", skills={"finance": 5}, capacity=UNIT)
        await desk.run(desk.team.put, TENANT, ann)
        await desk.run(desk.team.set_presence, TENANT, "ann", Presence.ONLINE)
        yield Shop(desk, checker, clock)
        desk.thread.close()


async def test_who_asked_for_something_else_in_between_was_not_passed_over(shop: Shop) -> None:
    await shop.receive(("first", REFUND))
    await shop.desk.run(shop.desk.lifecycle.accept, TENANT, shop.checker.seen["first"].reservation_id)
    await shop.receive(("early", REFUND))
    await shop.receive(("late", REFUND))
    await shop.desk.run(shop.desk.lifecycle.close, TENANT, "first")
    # The second of these frees Ann's place while "early" asks for its parcel.
    await shop.receive(("early", PARCEL), ("first", STOCK), ("early", REFUND))

    assert shop.checker.seen["late"].state is ConversationState.OFFERED
    assert shop.judged() == (1, 0)


def test_who_was_passed_over_is_found() -> None:
    checker = Checker(ORDER)
    waiting = {"state": ConversationState.WAITING, "agent_id": "", "queues": ("q",)}
    early, late = (
        make_conversation(name, **waiting, queued_ms=at, rank_ms=_rank(at))
        for name, at in (("early", 1000), ("late", 2000))
    )
    checker.follow(TENANT, [early])
    checker.follow(TENANT, [late])
    given = late.copy()
    given.version, given.state, given.agent_id, given.rank_ms = 2, ConversationState.ASSIGNED, "ann", 0
    checker.follow(TENANT, [given])

    assert checker.faults.inversions == 1
    assert "late went to ann" in checker.faults.examples[0]


def _rank(queued_ms: int) -> int:
    return ORDER.rank_ms(make_conversation().requirement, queued_ms, is_angry=False)
