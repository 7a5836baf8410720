"""Routing at work without gRPC: what the engine's bootstrap puts together around one store and one decision thread."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from yingda.batcher import Batcher
from yingda.v1 import message_pb2

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from engine.analysis.analyzer import Analyzer
from engine.assist.assembly import Surroundings, assemble
from engine.assist.responder import Responder
from engine.assist.slot import SLOTS
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from engine.clock import SystemClock
from engine.decision_thread import DecisionThread
from engine.domain import Agent
from engine.pipeline import Pipeline
from engine.ports import Classifier, Clock, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.routing.policy import UNIT, FixedPolicies, Policy
from engine.servicers import codec
from engine.team import Team
from engine.timekeeper import Timekeeper
from engine.workflow.hook import NoWorkflow

P = ParamSpec("P")
R = TypeVar("R")
TENANT = "race"
# Texts of different skills, so that agents differ in whom they may serve.
TEXTS = (
    "我的快递到哪了",
    "where is my parcel",
    "我要退款",
    "please refund me",
    "你好",
    "怎么开发票",
    "这个有货吗",
)
ANGRY_TEXT = "你们太差劲了，我要投诉，马上给我退款！"
_numbers = itertools.count(1)


def classifier() -> Classifier:
    """The shipped bundle."""
    return models.bundle.load(SHIPPED_BUNDLE)


def skills(reader: Classifier) -> list[str]:
    """All that the bundle can ask for."""
    return sorted(set(reader.skills.values()))


def make_agent(number: int, wanted: Sequence[str], *, chats: int) -> Agent:
    """With three of the skills."""
    mine = {wanted[(number + step) % len(wanted)]: 1 + (number + step) % 5 for step in range(3)}
    agent_id = f"a{number:05}"
    return Agent(agent_id=agent_id, name=agent_id, skills=mine, capacity=chats * UNIT)


def make_message(conversation_id: str, text: str, *, priority: int = 0) -> message_pb2.Message:
    """Of a conversation named by the caller."""
    return message_pb2.Message(
        tenant=TENANT,
        channel=message_pb2.CHANNEL_WEB,
        message_id=f"m{next(_numbers)}",
        conversation_id=conversation_id,
        text=text,
        routing=message_pb2.RoutingHints(priority=priority) if priority else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One engine's inside. `lifecycle`, `team` and `pipeline` belong to the decision thread: call them with `run`."""

    store: Store
    dispatcher: Dispatcher
    lifecycle: Lifecycle
    team: Team
    pipeline: Pipeline
    thread: DecisionThread
    batcher: Batcher[message_pb2.Message, bytes]

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """On the decision thread."""
        return await self.thread.run(work, *args, **kwargs)

    async def send(self, message: message_pb2.Message) -> None:
        """Process a message in one batch with those that come meanwhile."""
        await self.batcher.submit(message)


def make_desk(store: Store, reader: Classifier, policy: Policy, clock: Clock | None = None) -> Desk:
    """Everything wired as the engine's bootstrap does, without replies."""
    clock, proto, thread = clock or SystemClock(), codec.ProtoCodec(), DecisionThread()
    analyzer = Analyzer(classifier=reader)
    dispatcher = Dispatcher(store=store, codec=proto, clock=clock, policies=FixedPolicies(others=policy))
    lifecycle = Lifecycle(store=store, codec=proto, dispatcher=dispatcher, workflow=NoWorkflow())
    assist = assemble(
        Surroundings(store=store.assist, classifier=reader, codec=proto, clock=clock, samples=(), slots=SLOTS)
    )
    pipeline = Pipeline(
        analyzer=analyzer,
        dispatcher=dispatcher,
        responder=Responder(suggester=assist.suggester, policies=assist.policies),
        workflow=NoWorkflow(),
        store=store,
        codec=proto,
    )

    async def process(messages: Sequence[message_pb2.Message]) -> list[bytes]:
        batch = codec.decode([one.SerializeToString() for one in messages])
        return await thread.run(pipeline.process, batch)

    return Desk(
        store=store,
        dispatcher=dispatcher,
        lifecycle=lifecycle,
        team=Team(store=store, codec=proto, dispatcher=dispatcher, lifecycle=lifecycle, clock=clock),
        pipeline=pipeline,
        thread=thread,
        batcher=Batcher(process, max_size=512, max_queue=8192),
    )


@asynccontextmanager
async def working(desk: Desk, clock: Clock) -> AsyncIterator[Desk]:
    """With its timekeeper, until the block ends."""
    timekeeper = Timekeeper(store=desk.store, lifecycle=desk.lifecycle, clock=clock, thread=desk.thread)
    task = asyncio.create_task(timekeeper.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        desk.thread.close()
