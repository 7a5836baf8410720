"""The composition root: the only place that knows which classes an engine is made of."""

from __future__ import annotations

import asyncio
import functools
import random
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor
from yingda.service.held import Held

from engine import bootstrap_timeline, metrics
from engine.analysis.analyzer import Analyzer
from engine.analysis.memory import ReadingMemory
from engine.assist.assembly import Assist, Surroundings, assemble
from engine.assist.responder import Responder
from engine.assist.slot import SLOTS, SlotType
from engine.bootstrap_bundle import SHIPPED_PACK, open_bundles
from engine.bootstrap_customer import open_preload
from engine.bootstrap_timeline import LookingBack, look_back
from engine.bootstrap_workflow import Context, Following, Serving, compose, pack_rules
from engine.bots.feed import Feeds
from engine.bots.register import Register
from engine.bots.speaker import Speaker
from engine.bundles import deployer as deployers
from engine.bundles.cabinet import Cabinet
from engine.bundles.corrections import Corrections
from engine.bundles.deployer import Deployer
from engine.bundles.figures import model_figures, reading_figures
from engine.bundles.generation import Generation
from engine.bundles.jury import Jury
from engine.bundles.ledger import Ledger
from engine.bundles.ports import Meter
from engine.bundles.switch import Switch
from engine.bundles.trials import Trials
from engine.clock import SystemClock
from engine.customer.activity import Activities
from engine.customer.preload import Preload
from engine.domain import Reply
from engine.errors import StartError
from engine.history import History
from engine.metrics import Figure
from engine.pipeline import Pipeline
from engine.ports import Classifier, Clock, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.routing.policies import StoredPolicies
from engine.samples import read_replies
from engine.server import Servicers, add_servicers
from engine.servicers.agent import AgentServicer
from engine.servicers.assist import AssistServicer
from engine.servicers.bot import BotServicer
from engine.servicers.codec import ProtoCodec
from engine.servicers.conversation import ConversationServicer, Deeds
from engine.servicers.convert_model import ProtoModelCodec
from engine.servicers.customer import CustomerServicer
from engine.servicers.engine import EngineServicer
from engine.servicers.errors import translate
from engine.servicers.model import ModelServicer
from engine.servicers.reading import ReadingServicers, always_current
from engine.servicers.recorder import Recorder
from engine.servicers.reply import ReplyServicer
from engine.settings import EngineSettings
from engine.stores import folder, sqlite
from engine.stores.vector_folder import VectorFolder
from engine.team import Team
from engine.threads import Threads, start_threads
from engine.timekeeper import Timekeeper
from engine.timeline.feedback import FeedbackExport
from engine.watch import Watch
from engine.workflow.courier import Runner
from models.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine."""

    address: str


@asynccontextmanager
async def bootstrap(settings: EngineSettings) -> AsyncIterator[Engine]:
    """An engine that serves until the block ends, and then finishes what it began. Raises: StartError."""
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.held(settings.data_dir))
        store = _store(settings)
        stack.callback(store.close)
        bundles = open_bundles(settings)
        threads = start_threads(stack)
        preload = open_preload(settings, store, threads.decisions)
        stack.push_async_callback(preload.close)
        core = _core(settings, store, threads, bundles.cabinet, preload)
        first = _generation(core, bundles.classifier, bundles.meter, None)
        parts = _parts(settings, core, bundles.cabinet, first)
        stack.callback(parts.deployer.close)
        stack.callback(parts.trials.close)
        await parts.deployer.start(first)
        server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
        health = lifecycle.Health(server, add_servicers(server, parts.servicers))
        address = _bind(server, settings)
        await server.start()
        for task in _tasks(core, parts):
            stack.callback(asyncio.create_task(task).cancel)
        courier = asyncio.create_task(core.following.courier.run())
        stack.push_async_callback(core.following.finish, courier, settings.grace)
        stack.push_async_callback(server.stop, settings.grace)
        await health.serving()
        stack.push_async_callback(health.leaving)
        stack.callback(parts.feeds.close)
        stack.callback(core.held.leave)
        if settings.metrics:
            await _serve_metrics(stack, settings.metrics, parts)
        parts.deployer.warm()
        structlog.get_logger().info("engine_ready", address=address)
        yield Engine(address=address)


def _tasks(core: _Core, parts: _Parts) -> Sequence[Coroutine[Any, Any, None]]:
    """What runs as long as the engine does."""
    return [
        parts.timekeeper.run(),
        parts.deployer.run(),
        parts.jury.run(core.threads.decisions),
        *core.looking_back.tasks(),
    ]


async def _serve_metrics(stack: AsyncExitStack, address: str, parts: _Parts) -> None:
    """Raises: StartError."""

    def figures() -> list[Figure]:
        remembered = reading_figures(parts.switch.serving.memory)
        return [*model_figures(parts.deployer, parts.trials), *remembered]

    await stack.enter_async_context(metrics.serving(address, figures))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Core:
    """What serves whichever bundle reads."""

    store: Store
    clock: Clock
    codec: ProtoCodec
    threads: Threads
    held: Held
    samples: Sequence[Reply]
    slots: Mapping[str, SlotType]
    dispatcher: Dispatcher
    lifecycle: Lifecycle
    history: History
    serving: Serving
    following: Following
    preload: Preload
    recorder: Recorder
    looking_back: LookingBack
    remembered_texts: int
    vectors: VectorFolder


def _core(
    settings: EngineSettings, store: Store, threads: Threads, cabinet: Cabinet, preload: Preload
) -> _Core:
    clock, codec, serving = SystemClock(), ProtoCodec(), Serving()
    policies = StoredPolicies(store=store.assist, clock=clock, settings=settings.policies())
    dispatcher = Dispatcher(store=store, codec=codec, clock=clock, policies=policies)
    following = compose(
        settings,
        Context(
            store=store,
            serving=serving,
            preload=preload,
            dispatcher=dispatcher,
            policies=policies,
            codec=codec,
            rules=pack_rules(settings.rules, settings.pack or SHIPPED_PACK),
        ),
        Runner(thread=threads.decisions, chance=random.Random()),
        threads.searchers,
    )
    lifecycle_ = Lifecycle(store=store, codec=codec, dispatcher=dispatcher, workflow=following.flow)
    return _Core(
        store=store,
        clock=clock,
        codec=codec,
        threads=threads,
        held=Held(),
        samples=read_replies(settings.pack or SHIPPED_PACK),
        slots={**SLOTS, **settings.slots},
        remembered_texts=settings.remembered_texts,
        vectors=VectorFolder(settings.data_dir / "vectors"),
        dispatcher=dispatcher,
        lifecycle=lifecycle_,
        history=History(store=store),
        serving=serving,
        following=following,
        preload=preload,
        recorder=Recorder(activities=Activities(store=store, clock=clock), thread=threads.decisions),
        looking_back=look_back(
            settings,
            bootstrap_timeline.Surroundings(
                store=store,
                clock=clock,
                codec=codec,
                threads=threads,
                dispatcher=dispatcher,
                lifecycle=lifecycle_,
                cabinet=cabinet,
                serving=serving,
                following=following,
                preload=preload,
            ),
        ),
    )


def _generation(
    core: _Core, classifier: Classifier, meter: Meter | None, beside: Generation | None
) -> Generation:
    """All that reads texts with one bundle."""
    given = Surroundings(
        store=core.store.assist,
        classifier=classifier,
        codec=core.codec,
        clock=core.clock,
        samples=core.samples,
        slots=core.slots,
        customers=core.preload,
        vectors=core.vectors,
    )
    assist = assemble(given, beside=beside.assist if beside else None)
    analyzer = Analyzer(classifier=classifier)
    size = core.remembered_texts
    memory = ReadingMemory(predictor=classifier, size=size) if size else None
    pipeline = Pipeline(
        analyzer=Analyzer(classifier=classifier, memory=memory),
        dispatcher=core.dispatcher,
        responder=Responder(suggester=assist.suggester, policies=assist.policies, customers=core.preload),
        workflow=core.following.flow,
        store=core.store,
        codec=core.codec,
    )
    servicers = _reading_servicers(core, analyzer, assist)
    return Generation(
        classifier=classifier,
        assist=assist,
        pipeline=pipeline,
        servicers=servicers,
        meter=meter,
        memory=memory,
    )


def _reading_servicers(core: _Core, analyzer: Analyzer, assist: Assist) -> ReadingServicers:
    threads = core.threads
    return ReadingServicers(
        assist=AssistServicer(
            held=core.held,
            adviser=assist.adviser,
            suggester=assist.suggester,
            rehearsal=assist.rehearsal,
            labels=core.looking_back.timeline.labels,
            threads=threads,
        ),
        reply=ReplyServicer(
            bookkeeper=assist.bookkeeper,
            reviewer=assist.reviewer,
            thread=threads.decisions,
            searchers=threads.searchers,
        ),
        conversation=ConversationServicer(
            history=core.history,
            dispatcher=core.dispatcher,
            deeds=Deeds(
                lifecycle=core.lifecycle,
                speaker=Speaker(store=core.store, codec=core.codec, dispatcher=core.dispatcher),
                recorder=core.recorder,
            ),
            analyzer=analyzer,
            timeline=core.looking_back.timeline,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    servicers: Servicers
    timekeeper: Timekeeper
    feeds: Feeds
    deployer: Deployer
    trials: Trials
    jury: Jury
    switch: Switch


def _parts(settings: EngineSettings, core: _Core, cabinet: Cabinet, first: Generation) -> _Parts:
    store, thread, lifecycle_ = core.store, core.threads.decisions, core.lifecycle
    switch = Switch(first)
    core.serving.follow(switch)
    trials = Trials(switch=switch, codec=ProtoModelCodec())
    deployer = _deployer(settings, core, cabinet, switch, trials)
    watch = Watch()
    store.subscribe(watch.publish)
    core.preload.subscribe(lambda customer: watch.tell_of(customer.key))
    feeds = Feeds(store=store.bots, thread=thread)
    store.subscribe(feeds.publish)
    team = Team(
        store=store, codec=core.codec, dispatcher=core.dispatcher, lifecycle=lifecycle_, clock=core.clock
    )
    corrections = Corrections(
        store=store, codec=core.codec, models=ProtoModelCodec(), trials=trials, thread=thread
    )
    servicers = Servicers(
        engine=EngineServicer(pipeline=switch, thread=thread, held=core.held),
        agent=AgentServicer(
            team=team,
            lifecycle=lifecycle_,
            history=core.history,
            watch=watch,
            preload=core.preload,
            thread=thread,
        ),
        customer=CustomerServicer(preload=core.preload),
        bot=BotServicer(feeds=feeds, register=Register(store=store.bots), thread=thread),
        model=ModelServicer(
            cabinet=cabinet,
            deployer=deployer,
            switch=switch,
            trials=trials,
            feedback=_feedback(core, switch),
        ),
        rule=core.following.rule,
        ticket=core.following.ticket,
        reading=always_current(lambda: switch.serving.servicers, corrections, core.held),
    )
    timekeeper = Timekeeper(store=store, lifecycle=lifecycle_, clock=core.clock, thread=thread)
    jury = Jury(store=store.assist, trials=trials, engine=uuid.uuid4().hex, is_shared=bool(settings.store))
    return _Parts(
        servicers=servicers,
        timekeeper=timekeeper,
        feeds=feeds,
        deployer=deployer,
        trials=trials,
        jury=jury,
        switch=switch,
    )


def _feedback(core: _Core, switch: Switch) -> FeedbackExport:
    async def intents(tenant: str) -> Mapping[str, str]:
        replies = await core.threads.decisions.run(switch.serving.assist.bookkeeper.replies, tenant)
        return {one.reply_id: one.intent for one in replies}

    return FeedbackExport(reader=core.looking_back.timeline.reader, redact=redact, intents=intents)


def _deployer(
    settings: EngineSettings, core: _Core, cabinet: Cabinet, switch: Switch, trials: Trials
) -> Deployer:
    return Deployer(
        deployers.Surroundings(
            cabinet=cabinet,
            switch=switch,
            ledger=Ledger(store=core.store, codec=ProtoModelCodec()),
            make=functools.partial(_generation, core),
            thread=core.threads.decisions,
            loading=core.threads.loading,
            clock=core.clock,
            is_shared=bool(settings.store),
        ),
        watcher=trials,
    )


def _store(settings: EngineSettings) -> Store:
    if settings.store:
        # A fifth of a second and 19 MB that only a shared store is worth.
        from engine.stores import redis  # noqa: PLC0415

        return redis.open_store(settings.store, wait_replicas=settings.wait_replicas)
    return sqlite.open_store(settings.data_dir / "yingda.db", sync=settings.sync)


def _bind(server: grpc.aio.Server, settings: EngineSettings) -> str:
    try:
        return lifecycle.bind(server, settings.listen or f"unix:{settings.data_dir / 'engine.sock'}")
    except lifecycle.BindError as error:
        raise StartError(str(error)) from error
