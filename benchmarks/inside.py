"""The engine's pipeline in this process, with a stopwatch at the seams between its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from benchmarks.stopwatch import Stopwatch
from benchmarks.system import team
from benchmarks.texts import PACK
from engine.analysis.analyzer import Analyzer
from engine.analysis.memory import ReadingMemory
from engine.assist.assembly import Surroundings, assemble
from engine.assist.index import FlatReplyIndex
from engine.assist.responder import Responder
from engine.assist.slot import SLOTS
from engine.assist.suggester import Suggester
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from engine.clock import SystemClock
from engine.domain import Agent, Presence, Reply
from engine.pipeline import Pipeline
from engine.routing import selection
from engine.routing.dispatcher import Dispatcher
from engine.routing.policy import FixedPolicies
from engine.samples import read_replies
from engine.servicers import codec, convert
from engine.stores.sqlite import SQLiteStore, open_store
from engine.workflow.hook import NoWorkflow
from models.calibration import Calibrator
from models.encoder import StaticEncoder
from models.heads import Heads


class Engine:
    """Frames in, frames out, as `EngineServicer` does it between its two calls of gRPC."""

    def __init__(self, store: SQLiteStore, remembered: int, samples: Sequence[Reply] | None = None) -> None:
        classifier = models.bundle.load(SHIPPED_BUNDLE)
        self.memory = ReadingMemory(predictor=classifier, size=remembered) if remembered else None
        analyzer = Analyzer(classifier=classifier, memory=self.memory)
        proto, clock = codec.ProtoCodec(), SystemClock()
        self._store = store
        assist = assemble(
            Surroundings(
                store=store.assist,
                classifier=classifier,
                codec=proto,
                clock=clock,
                samples=read_replies(PACK) if samples is None else samples,
                slots=SLOTS,
            )
        )
        self._library = assist.library
        self._pipeline = Pipeline(
            analyzer=analyzer,
            dispatcher=Dispatcher(store=store, codec=proto, clock=clock, policies=FixedPolicies()),
            responder=Responder(suggester=assist.suggester, policies=assist.policies),
            workflow=NoWorkflow(),
            store=store,
            codec=proto,
        )

    def employ(self, tenant: str, count: int) -> None:
        """Give the tenant agents, online and idle."""
        self.hire(tenant, [convert.agent_from_proto(one) for one in team(count)])

    def hire(self, tenant: str, agents: Sequence[Agent]) -> None:
        """Give the tenant these agents, online and idle."""
        for agent in agents:
            self._store.put_agent(tenant, agent)
            self._store.set_presence(tenant, agent.agent_id, Presence.ONLINE)

    def settle(self) -> None:
        """Wait until the replies stand as they will be searched."""
        self._library.settle()

    @property
    def pipeline(self) -> Pipeline:
        """The path of a batch."""
        return self._pipeline

    def watch_sqlite(self, step: Callable[[], int] | None) -> None:
        """Call this for every instruction of SQLite's virtual machine; None ends that."""
        self._store._db.set_progress_handler(step, 1)  # noqa: SLF001  # no store but this has it

    def journal_bytes(self) -> int:
        """What the journal holds."""
        columns = "length(places) + length(names) + length(pulses) + length(data)"
        total: int = self._store._db.execute(f"SELECT total({columns}) FROM journal").fetchone()[0]  # noqa: SLF001
        return total

    def disk_bytes(self) -> int:
        """What the store's file holds, once its log is in it."""
        database = self._store._db  # noqa: SLF001
        (pages,), (size,) = (
            database.execute(f"PRAGMA {one}").fetchone() for one in ("page_count", "page_size")
        )
        return int(pages * size)

    def process(self, frame: bytes) -> bytes:
        """A serialised ProcessMessagesRequest to its response."""
        batch = codec.decode_frames([codec.split(frame)])
        return b"".join(codec.results(batch, self._pipeline.process(batch)))


# What is timed, and the stage that its own time counts for.
SEAMS: tuple[tuple[object, str, str], ...] = (
    (Engine, "process", "frame: split, join"),
    (ReadingMemory, "predict", "analyze: remember"),
    (codec, "decode_frames", "decode"),
    (codec, "results", "results"),
    (codec.ProtoCodec, "answers", "encode answers"),
    (Pipeline, "process", "pipeline: keys, events"),
    (SQLiteStore, "records", "records lookup"),
    (SQLiteStore, "open_conversations", "conversations lookup"),
    (SQLiteStore, "commit", "commit"),
    (Analyzer, "analyze", "analyze: columns"),
    (models.bundle.Bundle, "predict", "analyze: predict"),
    (models.bundle, "extract", "analyze: features"),
    (StaticEncoder, "encode_features", "analyze: encode"),
    (Heads, "score", "analyze: heads"),
    (Calibrator, "apply", "analyze: calibrate"),
    (Dispatcher, "receive", "decide"),
    (selection, "select", "decide: select agent"),
    (Suggester, "suggest_messages", "suggest"),
    (FlatReplyIndex, "search", "suggest: index"),
)


@contextmanager
def running(folder: Path, remembered: int = 0, samples: Sequence[Reply] | None = None) -> Iterator[Engine]:
    """An engine with an empty store in `folder`, that remembers what it read of so many texts.

    Its tenants begin with the `samples`; None is for those of the pack.
    """
    store = open_store(folder / "yingda.db", sync="normal")
    try:
        yield Engine(store, remembered, samples)
    finally:
        store.close()


@contextmanager
def watched(stopwatch: Stopwatch) -> Iterator[None]:
    """Time every seam until the block ends, in the whole process."""
    for owner, name, stage in SEAMS:
        stopwatch.watch(owner, name, stage)
    try:
        yield
    finally:
        stopwatch.release()
