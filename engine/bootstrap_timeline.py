"""The part of the composition root that makes what looks back: journals, deletion, retention."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from engine.bootstrap_workflow import Following, Serving
from engine.bundles.cabinet import Cabinet
from engine.customer.preload import Preload
from engine.customer.profile import Key
from engine.ports import Clock, Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.servicers.timeline import Timeline
from engine.settings import EngineSettings, policy_from
from engine.threads import Threads
from engine.timeline.labels import LabelBook
from engine.timeline.oblivion import Oblivion
from engine.timeline.privacy import Hands, Privacy
from engine.timeline.reader import JournalReader
from engine.timeline.retention import Retention
from engine.timeline.review import Reviewer
from engine.timeline.unlearning import Unlearning


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingBack:
    """What reads journals, and what takes texts out of them."""

    timeline: Timeline
    retention: Retention
    oblivion: Oblivion

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs as long as the engine does."""
        return [self.retention.run(), self.oblivion.run(self.timeline.thread)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of the rest it uses."""

    store: Store
    clock: Clock
    codec: Codec
    threads: Threads
    dispatcher: Dispatcher
    lifecycle: Lifecycle
    cabinet: Cabinet
    serving: Serving
    following: Following
    preload: Preload


def look_back(settings: EngineSettings, given: Surroundings) -> LookingBack:
    """Nothing is read before it is asked for."""
    reader = JournalReader(store=given.store, thread=given.threads.decisions)
    oblivion = Oblivion(store=given.store.assist, forget=given.serving.forget, is_shared=bool(settings.store))
    privacy = Privacy(_hands(given, reader, oblivion))
    timeline = Timeline(
        reader=reader,
        reviewer=Reviewer(reader=reader, codec=given.codec, executor=given.threads.reviews),
        labels=LabelBook(store=given.store, codec=given.codec, clock=given.clock),
        privacy=privacy,
        thread=given.threads.decisions,
        loading=given.threads.loading,
        load=lambda bundle_id: given.cabinet.load(bundle_id)[0],
        policy=policy_from,
    )
    retention = Retention(
        days=settings.retention, store=given.store, reader=reader, privacy=privacy, clock=given.clock
    )
    return LookingBack(timeline=timeline, retention=retention, oblivion=oblivion)


def _hands(given: Surroundings, reader: JournalReader, oblivion: Oblivion) -> Hands:
    def lose(customer: Key) -> None:
        given.preload.forget(customer)
        given.following.completion.forget(customer)

    return Hands(
        store=given.store,
        codec=given.codec,
        dispatcher=given.dispatcher,
        lifecycle=given.lifecycle,
        reader=reader,
        forget=oblivion.proclaim,
        unlearn=Unlearning(lambda: given.serving().assist.bookkeeper),  # another one after the next bundle
        lose=lose,
    )
