"""The parts of the assist, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.analysis.analyzer import Analyzer
from engine.assist.adviser import Adviser
from engine.assist.auto_reply import Policies
from engine.assist.block import BlockMaker, ReplyVectors
from engine.assist.bookkeeper import Bookkeeper
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.library import Library
from engine.assist.memory import Memory
from engine.assist.reader import Reader
from engine.assist.reviewer import Reviewer
from engine.assist.slot import SlotFiller, SlotType
from engine.assist.suggester import Suggester
from engine.domain import Reply
from engine.ports import AssistStore, Classifier, Clock, Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Assist:
    """What the servicers and the pipeline use."""

    library: Library
    bookkeeper: Bookkeeper
    suggester: Suggester
    adviser: Adviser
    reviewer: Reviewer
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the assist needs from outside."""

    store: AssistStore
    classifier: Classifier
    codec: Codec
    clock: Clock
    samples: Sequence[Reply]
    slots: Mapping[str, SlotType]


def assemble(given: Surroundings) -> Assist:
    """Nothing is read or built before it is needed."""
    vectors = ReplyVectors(encoder=given.classifier, intents=given.classifier.intents)
    maker = BlockMaker(vectors=vectors, quick=FlatReplyIndex, full=build_index)
    library = Library(maker=maker, width=given.classifier.dimension, samples=given.samples)
    analyzer = Analyzer(classifier=given.classifier)
    memory = Memory(store=given.store, clock=given.clock)
    filler = SlotFiller(given.slots)
    bookkeeper = Bookkeeper(
        store=given.store,
        library=library,
        memory=memory,
        filler=filler,
        clock=given.clock,
        samples=given.samples,
    )
    suggester = Suggester(
        bookkeeper=bookkeeper,
        library=library,
        memory=memory,
        reader=Reader(analyzer=analyzer, width=given.classifier.dimension),
        filler=filler,
        clock=given.clock,
    )
    return Assist(
        library=library,
        bookkeeper=bookkeeper,
        suggester=suggester,
        adviser=Adviser(
            store=given.store,
            codec=given.codec,
            bookkeeper=bookkeeper,
            suggester=suggester,
            analyzer=analyzer,
        ),
        reviewer=Reviewer(encoder=given.classifier, memory=memory, filler=filler, clock=given.clock),
        policies=Policies(store=given.store),
    )
