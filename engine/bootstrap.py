"""The composition root: the only place that knows which classes an engine is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor

import models
from engine.analysis.analyzer import Analyzer
from engine.assist.assembly import Assist, Surroundings, assemble
from engine.assist.responder import Responder
from engine.assist.slot import SLOTS
from engine.bots.feed import Feeds
from engine.bots.register import Register
from engine.bots.speaker import Speaker
from engine.clock import SystemClock
from engine.decision_thread import DecisionThread
from engine.errors import StartError
from engine.history import History
from engine.pipeline import Pipeline
from engine.ports import Classifier, Clock, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.samples import read_replies
from engine.server import Servicers, add_servicers
from engine.servicers.agent import AgentServicer
from engine.servicers.assist import AssistServicer
from engine.servicers.bot import BotServicer
from engine.servicers.codec import ProtoCodec
from engine.servicers.conversation import ConversationServicer
from engine.servicers.engine import EngineServicer
from engine.servicers.errors import translate
from engine.servicers.reply import ReplyServicer
from engine.settings import EngineSettings
from engine.stores import folder, sqlite
from engine.team import Team
from engine.timekeeper import Timekeeper
from engine.watch import Watch
from engine.workflow.hook import NoWorkflow
from models.bundle import BundleError, load

_MODELS = Path(models.__file__).parent
_SEARCHERS = 2  # threads; a search lasts a millisecond and gives up the lock while FAISS compares
SHIPPED_BUNDLE = _MODELS / "bundles" / "ecommerce"
SHIPPED_PACK = _MODELS / "packs" / "ecommerce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine."""

    address: str


@dataclass(frozen=True, slots=True)
class Threads:
    """One that decides, some that search."""

    decisions: DecisionThread
    searchers: ThreadPoolExecutor


@asynccontextmanager
async def bootstrap(settings: EngineSettings) -> AsyncIterator[Engine]:
    """An engine that serves until the block ends, and then finishes what it began. Raises: StartError."""
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.held(settings.data_dir))
        store = _store(settings)
        stack.callback(store.close)
        classifier = _bundle(settings)
        assist = _assist(settings, store, classifier)
        stack.callback(assist.library.close)
        searchers = ThreadPoolExecutor(max_workers=_SEARCHERS, thread_name_prefix="search")
        stack.callback(searchers.shutdown)
        thread = DecisionThread()
        stack.callback(thread.close)  # before the store: what was begun still needs it
        parts = _parts(settings, store, classifier, Threads(thread, searchers), assist)
        server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
        health = lifecycle.Health(server, add_servicers(server, parts.servicers))
        address = _bind(server, settings)
        await server.start()
        timekeeper = asyncio.create_task(parts.timekeeper.run())
        stack.callback(timekeeper.cancel)
        stack.push_async_callback(server.stop, settings.grace)
        await health.serving()
        stack.push_async_callback(health.leaving)
        stack.callback(parts.feeds.close)
        assist.library.warm()
        structlog.get_logger().info("engine_ready", address=address)
        yield Engine(address=address)


def _assist(settings: EngineSettings, store: Store, classifier: Classifier) -> Assist:
    return assemble(
        Surroundings(
            store=store.assist,
            classifier=classifier,
            codec=ProtoCodec(),
            clock=SystemClock(),
            samples=read_replies(settings.pack or SHIPPED_PACK),
            slots={**SLOTS, **settings.slots},
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    servicers: Servicers
    timekeeper: Timekeeper
    feeds: Feeds


def _parts(
    settings: EngineSettings, store: Store, classifier: Classifier, threads: Threads, assist: Assist
) -> _Parts:
    thread = threads.decisions
    clock: Clock = SystemClock()
    codec = ProtoCodec()
    analyzer = Analyzer(classifier=classifier)
    dispatcher = Dispatcher(store=store, codec=codec, clock=clock, policies=settings.policies())
    lifecycle_ = Lifecycle(store=store, codec=codec, dispatcher=dispatcher, workflow=NoWorkflow())
    pipeline = Pipeline(
        analyzer=analyzer,
        dispatcher=dispatcher,
        responder=Responder(suggester=assist.suggester, policies=assist.policies),
        workflow=NoWorkflow(),
        store=store,
        codec=codec,
    )
    history = History(store=store)
    watch = Watch()
    store.subscribe(watch.publish)
    feeds = Feeds(store=store.bots, thread=thread)
    store.subscribe(feeds.publish)
    team = Team(store=store, dispatcher=dispatcher, lifecycle=lifecycle_, clock=clock)
    servicers = Servicers(
        engine=EngineServicer(pipeline=pipeline, thread=thread),
        agent=AgentServicer(team=team, lifecycle=lifecycle_, history=history, watch=watch, thread=thread),
        assist=AssistServicer(
            adviser=assist.adviser,
            suggester=assist.suggester,
            policies=assist.policies,
            thread=thread,
            searchers=threads.searchers,
        ),
        reply=ReplyServicer(
            bookkeeper=assist.bookkeeper,
            reviewer=assist.reviewer,
            thread=thread,
            searchers=threads.searchers,
        ),
        conversation=ConversationServicer(
            history=history,
            dispatcher=dispatcher,
            lifecycle=lifecycle_,
            analyzer=analyzer,
            speaker=Speaker(store=store, codec=codec, dispatcher=dispatcher),
            thread=thread,
        ),
        bot=BotServicer(feeds=feeds, register=Register(store=store.bots), thread=thread),
    )
    timekeeper = Timekeeper(store=store, lifecycle=lifecycle_, clock=clock, thread=thread)
    return _Parts(servicers=servicers, timekeeper=timekeeper, feeds=feeds)


def _store(settings: EngineSettings) -> Store:
    if settings.store:
        # A fifth of a second and 19 MB that only a shared store is worth.
        from engine.stores import redis  # noqa: PLC0415

        return redis.open_store(settings.store, wait_replicas=settings.wait_replicas)
    return sqlite.open_store(settings.data_dir / "yingda.db", sync=settings.sync)


def _bundle(settings: EngineSettings) -> Classifier:
    try:
        return load(settings.bundle or SHIPPED_BUNDLE)
    except BundleError as error:
        raise StartError(str(error)) from error


def _bind(server: grpc.aio.Server, settings: EngineSettings) -> str:
    try:
        return lifecycle.bind(server, settings.listen or f"unix:{settings.data_dir / 'engine.sock'}")
    except lifecycle.BindError as error:
        raise StartError(str(error)) from error
