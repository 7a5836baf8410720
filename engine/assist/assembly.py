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
from engine.assist.keeper import Keeper
from engine.assist.libraries import Libraries
from engine.assist.library import Library
from engine.assist.memory import Memory
from engine.assist.reader import Reader
from engine.assist.rehearsal import Rehearsal
from engine.assist.reviewer import Reviewer
from engine.assist.slot import SlotFiller, SlotType
from engine.assist.suggester import Suggester
from engine.assist.typed import Spellings
from engine.assist.words import Lexicon
from engine.customer.informer import NOBODY, Customers
from engine.domain import Reply
from engine.ports import AssistStore, Classifier, Clock, Codec, Encoding, VectorStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What does not hang on the bundle, and is the same for all of them."""

    libraries: Libraries
    memory: Memory
    filler: SlotFiller
    bookkeeper: Bookkeeper
    policies: Policies
    spellings: Spellings


@dataclass(frozen=True, slots=True, kw_only=True)
class Assist:
    """What the servicers and the pipeline use."""

    library: Library
    shared: Shared
    bookkeeper: Bookkeeper
    suggester: Suggester
    adviser: Adviser
    rehearsal: Rehearsal
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
    customers: Customers = NOBODY
    vectors: VectorStore | None = None  # without one all are made at each start


def assemble(given: Surroundings, *, beside: Assist | None = None) -> Assist:
    """Nothing is read or built before it is needed; `beside` is that of a bundle that works already."""
    vectors = ReplyVectors(encoder=given.classifier, intents=given.classifier.intents)
    lexicon = Lexicon(
        counter=given.classifier, texts=[text for reply in given.samples for text in reply.questions]
    )
    spellings = beside.shared.spellings if beside else Spellings()
    maker = BlockMaker(
        vectors=vectors, lexicon=lexicon, quick=FlatReplyIndex, full=build_index, spellings=spellings
    )
    library = Library(
        maker=maker,
        width=given.classifier.dimension,
        samples=given.samples,
        keeper=_keeper(given, vectors) if given.vectors else None,
    )
    shared = beside.shared if beside else _share(given, library, spellings)
    analyzer = Analyzer(classifier=given.classifier)
    suggester = Suggester(
        bookkeeper=shared.bookkeeper,
        library=library,
        memory=shared.memory,
        reader=Reader(analyzer=analyzer, lexicon=lexicon, width=given.classifier.dimension),
        filler=shared.filler,
        clock=given.clock,
    )
    return Assist(
        library=library,
        shared=shared,
        bookkeeper=shared.bookkeeper,
        suggester=suggester,
        adviser=Adviser(
            store=given.store,
            codec=given.codec,
            bookkeeper=shared.bookkeeper,
            suggester=suggester,
            analyzer=analyzer,
            customers=given.customers,
        ),
        reviewer=Reviewer(
            encoder=given.classifier,
            intents=given.classifier.intents,
            memory=shared.memory,
            filler=shared.filler,
            clock=given.clock,
        ),
        rehearsal=Rehearsal(analyzer=analyzer, suggester=suggester, policies=shared.policies),
        policies=shared.policies,
    )


def _keeper(given: Surroundings, vectors: ReplyVectors) -> Keeper:
    assert given.vectors is not None
    encoding = Encoding(encoder=given.classifier.id, width=given.classifier.dimension)
    return Keeper(store=given.vectors, vectors=vectors, encoding=encoding)


def _share(given: Surroundings, library: Library, spellings: Spellings) -> Shared:
    memory = Memory(store=given.store, clock=given.clock)
    filler = SlotFiller(given.slots)
    libraries = Libraries(library)
    bookkeeper = Bookkeeper(
        store=given.store,
        library=libraries,
        memory=memory,
        filler=filler,
        clock=given.clock,
        samples=given.samples,
    )
    return Shared(
        libraries=libraries,
        memory=memory,
        filler=filler,
        bookkeeper=bookkeeper,
        policies=Policies(store=given.store),
        spellings=spellings,
    )
