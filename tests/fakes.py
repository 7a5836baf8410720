"""Doubles and ready-made values that several tests share: simple, deterministic, without weights or network."""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
from yingda.service.errors import StatusError
from yingda.v1 import answer_pb2, message_pb2

from engine import roster as rosters
from engine.analysis.analyzer import Analyzer
from engine.assist.assembly import Assist, Surroundings, assemble
from engine.assist.responder import Responder
from engine.assist.slot import SLOTS, SlotFiller
from engine.customer.informer import NOBODY, Customers
from engine.domain import (
    Agent,
    Change,
    Conversation,
    ConversationState,
    MessageBatch,
    Presence,
    Reply,
    Requirement,
)
from engine.pipeline import Pipeline
from engine.ports import Classifier, Store
from engine.routing.crew import Crew
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.routing.policy import UNIT, FixedPolicies, Policy
from engine.servicers import codec
from engine.servicers.codec_workflow import ProtoWorkflowCodec
from engine.stores.sqlite import SQLiteStore
from engine.team import Team
from engine.workflow.assembly import WorkflowParts, WorkflowSurroundings, assemble_workflow
from engine.workflow.rule import Rule
from engine.workflow.webhook import Webhook, Webhooks

FieldValue = Any  # what the named field holds
TENANT = "shop"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGrams:
    """See `ports.Grams`."""

    offsets: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.uint16]
    counts: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePrediction:
    """See `ports.Prediction`."""

    probability: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    in_scope: npt.NDArray[np.bool_]
    sentiment: npt.NDArray[np.float32]
    anger: npt.NDArray[np.float32]
    is_angry: npt.NDArray[np.bool_]
    language: npt.NDArray[np.uint8]
    embedding: npt.NDArray[np.float32]


class FakeClassifier:
    """Reads a text's intent where it stands in it by name; "!" is anger, a Chinese character makes it Chinese.

    The embedding is a bag of the text's words, so texts that share words are near.
    """

    id = "fake-1"
    dimension = 32
    intents = ("shipping.track", "refund.request", "chat.greeting")
    skills: Mapping[str, str] = {
        "shipping.track": "logistics",
        "refund.request": "finance",
        "chat.greeting": "general",
        "out_of_scope": "general",
    }

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `ports.Encoder`."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths, lengths, 1)).astype(np.float32)

    def grams(self, texts: Sequence[str]) -> FakeGrams:
        """See `ports.GramCounter`: whole words."""
        buckets = [sorted({zlib.crc32(word.encode()) & 0xFFFF for word in text.split()}) for text in texts]
        joined = np.array([one for found in buckets for one in found], dtype=np.uint16)
        return FakeGrams(
            offsets=np.cumsum([0, *map(len, buckets)], dtype=np.int64),
            buckets=joined,
            counts=np.ones(len(joined), dtype=np.float32),
        )

    def predict(self, texts: Sequence[str]) -> FakePrediction:
        """See `ports.Classifier`."""
        named = np.array([[intent in text for intent in self.intents] for text in texts], dtype=bool)
        named = named.reshape(len(texts), len(self.intents))
        raw = np.where(named, 18.0, 1.0)
        probability = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
        angry = np.array(["!" in text for text in texts], dtype=bool)
        mood = np.where(angry[:, np.newaxis], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]).astype(np.float32)
        return FakePrediction(
            probability=probability,
            confidence=probability.max(axis=1),
            in_scope=np.asarray(named.any(axis=1)),
            sentiment=mood,
            anger=np.where(angry, 0.9, 0.1).astype(np.float32),
            is_angry=angry,
            language=np.array([int(not _is_chinese(text)) for text in texts], dtype=np.uint8),
            embedding=self.encode(texts),
        )


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


class FakeClock:
    """Stands still until it is advanced."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """See `ports.Clock`."""
        return self._now_ms

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self._now_ms += milliseconds


class ContestedStore(SQLiteStore):
    """Before each commit the next of `rivals` acts, as another engine on the same state might."""

    def __init__(self, inner: SQLiteStore, rivals: Iterable[Callable[[SQLiteStore], object]]) -> None:
        super().__init__(inner._db)
        self._rosters, self._journal = inner._rosters, inner._journal  # what one process keeps in memory
        self._conversations = inner._conversations
        self._inner = inner
        self._rivals = iter(rivals)
        self.commits = 0

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        self.commits += 1
        if rival := next(self._rivals, None):
            rival(self._inner)
        return super().commit(changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An engine's inside over one store: real but for the classifier and the clock."""

    store: Store
    clock: FakeClock
    dispatcher: Dispatcher
    lifecycle: Lifecycle
    assist: Assist
    pipeline: Pipeline
    team: Team
    workflow: WorkflowParts


@dataclass(frozen=True, slots=True, kw_only=True)
class Workday:
    """What a desk's workflow knows: the pack's rules, who listens, and what is known of customers."""

    rules: Sequence[Rule] = ()
    webhooks: Sequence[Webhook] = ()
    customers: Customers = NOBODY


def make_desk(
    store: Store,
    *,
    samples: Sequence[Reply] = (),
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    workday: Workday = Workday(),  # frozen
    clock: FakeClock | None = None,
) -> Desk:
    """Everything wired as the engine's bootstrap does."""
    clock, proto = clock or FakeClock(), codec.ProtoCodec()
    reader = classifier or FakeClassifier()
    analyzer = Analyzer(classifier=reader)
    policies = FixedPolicies(others=policy or Policy())
    dispatcher = Dispatcher(store=store, codec=proto, clock=clock, policies=policies)
    assist = assemble(
        Surroundings(
            store=store.assist,
            classifier=reader,
            codec=proto,
            clock=clock,
            samples=samples,
            slots=SLOTS,
        )
    )
    workflow = assemble_workflow(
        WorkflowSurroundings(
            store=store,
            codec=proto,
            workflow_codec=ProtoWorkflowCodec(),
            clock=clock,
            dispatcher=dispatcher,
            assist=lambda: assist,
            filler=SlotFiller(SLOTS),
            customers=workday.customers,
            webhooks=Webhooks(workday.webhooks),
            pack=workday.rules,
        )
    )
    lifecycle = Lifecycle(store=store, codec=proto, dispatcher=dispatcher, workflow=workflow.flow)
    pipeline = Pipeline(
        analyzer=analyzer,
        dispatcher=dispatcher,
        responder=Responder(suggester=assist.suggester, policies=assist.policies),
        workflow=workflow.flow,
        store=store,
        codec=proto,
    )
    team = Team(store=store, codec=proto, dispatcher=dispatcher, lifecycle=lifecycle, clock=clock)
    return Desk(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        lifecycle=lifecycle,
        assist=assist,
        pipeline=pipeline,
        team=team,
        workflow=workflow,
    )


def hire(desk: Desk, *agents: Agent, tenant: str = TENANT) -> None:
    """Put the agents and bring them online."""
    for agent in agents:
        desk.team.put(tenant, agent)
        desk.team.set_presence(tenant, agent.agent_id, Presence.ONLINE)


def send(desk: Desk, *messages: message_pb2.Message) -> list[answer_pb2.MessageAnswer]:
    """Process the messages as one batch, a millisecond later."""
    desk.clock.advance(1)
    return [answer_pb2.MessageAnswer.FromString(one) for one in desk.pipeline.process(make_batch(*messages))]


def ask(desk: Desk, text: str = "shipping.track", **fields: FieldValue) -> answer_pb2.MessageAnswer:
    """The answer to one message."""
    (answer,) = send(desk, make_message(text, **fields))
    return answer


def get(desk: Desk, conversation_id: str) -> Conversation:
    """As it is stored."""
    return desk.store.conversations(TENANT, [conversation_id])[conversation_id]


def kinds(desk: Desk, conversation_id: str) -> list[str]:
    """What happened to a conversation."""
    return [one.event.kind for one in desk.store.events(TENANT, conversation_id, 0, 99)]


def make_agent(agent_id: str = "ann", **changes: FieldValue) -> Agent:
    """Knows everything a little, holds two chats."""
    agent = Agent(
        agent_id=agent_id,
        name=agent_id.title(),
        skills={"logistics": 3, "finance": 3, "general": 3},
        capacity=2 * UNIT,
    )
    return replace(agent, **changes)


def make_requirement(skill: str = "logistics", **changes: FieldValue) -> Requirement:
    """Asks for this skill in English."""
    return replace(Requirement(skill=skill, skills={skill: 1.0}, language="en"), **changes)


def make_crew(
    *agents: Agent,
    policy: Policy | None = None,
    presences: Mapping[str, Presence] | None = None,
    load: Mapping[str, int] | None = None,
    streak: Mapping[str, int] | None = None,
) -> Crew:
    """These agents, in order of id; where nothing is said, online and idle."""
    ordered = sorted(agents, key=lambda agent: agent.agent_id)
    roster = rosters.make(
        ordered,
        presences=[(presences or {}).get(one.agent_id, Presence.ONLINE) for one in ordered],
        leases=[0] * len(ordered),
        load=[(load or {}).get(one.agent_id, 0) for one in ordered],
        streak=[(streak or {}).get(one.agent_id, 0) for one in ordered],
    )
    return Crew(roster, policy or Policy())


def loads(store: Store, tenant: str = TENANT) -> dict[str, float]:
    """Chats' worth that each agent holds."""
    roster = store.roster(tenant)
    return {agent_id: int(roster.load[row]) / UNIT for agent_id, row in roster.rows.items()}


def make_conversation(conversation_id: str = "c1", **changes: FieldValue) -> Conversation:
    """Waiting for logistics since it was opened; version 1."""
    conversation = Conversation(
        conversation_id=conversation_id,
        channel=1,
        customer_id="cu1",
        state=ConversationState.WAITING,
        requirement=make_requirement(),
        opened_ms=1000,
        updated_ms=1000,
        queued_ms=1000,
        rank_ms=1000,
        queues=("logistics",),
        version=1,
    )
    return replace(conversation, **changes)


def make_reply(reply_id: str = "r1", **changes: FieldValue) -> Reply:
    """English, for any intent, without slots."""
    reply = Reply(reply_id=reply_id, intent="", language="en", title="", text=f"text of {reply_id}")
    return replace(reply, **changes)


def make_message(text: str = "shipping.track", **changes: FieldValue) -> message_pb2.Message:
    """Valid, with a message id of its own."""
    fields: dict[str, FieldValue] = {
        "tenant": TENANT,
        "channel": message_pb2.CHANNEL_WEB,
        "message_id": f"m{next(_numbers)}",
        "customer_id": "cu1",
        "text": text,
    }
    return message_pb2.Message(**(fields | changes))


def make_batch(*messages: message_pb2.Message) -> MessageBatch:
    """The messages as the engine reads them."""
    return codec.decode([message.SerializeToString() for message in messages])


@dataclass(kw_only=True)
class FakeEngine(grpc.GenericRpcHandler):
    """Answers every method with `answer(method, request)`, or its StatusError; `calls` holds what came in."""

    answer: Callable[[str, bytes], Awaitable[bytes]]
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """See `grpc.GenericRpcHandler`."""
        method = handler_call_details.method

        async def call(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            self.calls.append((method, request))
            self.called.set()
            try:
                return await self.answer(method, request)
            except StatusError as error:
                await context.abort_with_status(error.to_status())
                raise

        async def stream(
            requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[bytes]:
            async for request in requests:
                yield await call(request, context)

        if method.endswith(("/StreamBatches", "/StreamSuggestions")):
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(call)


@asynccontextmanager
async def serving(handler: grpc.GenericRpcHandler, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """The address of a server of nothing but this handler."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield address if address.startswith("unix:") else f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
