"""Ranks canned replies for messages and for what an agent types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import Analyzer
from engine.assist import pinyin, query, ranker
from engine.assist.bookkeeper import Bookkeeper
from engine.assist.library import Library
from engine.assist.memory import Memory
from engine.assist.ranker import DEPTH, Moment, Ranked
from engine.assist.shelf import Shelf
from engine.assist.slot import SlotFiller
from engine.assist.ticket import Ticket
from engine.assist.visibility import Place
from engine.domain import AnalysisBatch, MessageBatch, Suggestion
from engine.ports import Clock

Vectors = npt.NDArray[np.float32]
_RERANKED = 8  # candidates for a message that learning may bring forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an agent asks for. `messages` are the customer's last, oldest first; "" and 0 mean not given."""

    typed: str = ""
    messages: Sequence[str] = ()
    conversation_id: str = ""
    language: str = ""
    team: str = ""
    channel: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    limit: int


class Suggester:
    """Searches tenants' shelves. `suggest` may be called from any thread, once `Bookkeeper.ready` was."""

    def __init__(
        self,
        *,
        bookkeeper: Bookkeeper,
        library: Library,
        memory: Memory,
        analyzer: Analyzer,
        filler: SlotFiller,
        clock: Clock,
    ) -> None:
        self._bookkeeper = bookkeeper
        self._library = library
        self._memory = memory
        self._analyzer = analyzer
        self._filler = filler
        self._clock = clock

    def suggest_messages(
        self, batch: MessageBatch, analysis: AnalysisBatch, limit: int
    ) -> list[list[Suggestion]]:
        """For each analysed message the best replies in its language, best first, its metadata as facts.

        Called on the decision thread.
        """
        queries = query.of_messages(analysis)
        suggestions: list[list[Suggestion]] = [[] for _ in range(len(batch))]
        for (tenant, language), rows in _by_shelf(batch, analysis).items():
            self._bookkeeper.ready(tenant)
            if shelf := self._library.shelf(tenant, language):
                for channel, of_channel in _by_channel(shelf, batch, rows).items():
                    place = Place(channel=channel, now_ms=self._clock.now_ms())
                    found = self._search(tenant, shelf, place, queries[of_channel], limit)
                    for row, best in zip(of_channel, found, strict=True):
                        suggestions[row] = self._relearned(tenant, best, analysis, row, limit)
        return [
            [self._filled(one, batch.metadata[row], batch.channels[row]) for one in found]
            for row, found in enumerate(suggestions)
        ]

    def suggest(self, tenant: str, wanted: Wanted) -> Ranked:
        """For what the agent typed and what the customer said last; either may be missing. Best first.

        The language asked for wins, then that of the customer's last message, then that of the typed text.
        """
        messages = [text for text in wanted.messages if text.strip()]
        context = self._analyzer.analyze(messages) if messages else None
        if context is None:
            read = self._analyzer.analyze([wanted.typed])
            asked = query.of_typed(read)
        else:
            read = context
            asked = query.of_context(context)
            if wanted.typed:
                asked += query.of_typed(self._analyzer.analyze([wanted.typed]))
        shelf = self._library.shelf(tenant, wanted.language or read.languages[-1])
        moment = self._moment(wanted, read, asked)
        found = self._candidates(shelf, wanted, moment, asked) if shelf else []
        ranked = ranker.rank(found, self._memory.learned(tenant), moment, wanted.limit)
        filled = [self._filled(one, wanted.facts, wanted.channel) for one in ranked.suggestions]
        return Ranked(filled, ranked.ticket)

    def ticket(self, text: str) -> Ticket:
        """Of the list that came with a message's answer."""
        read = self._analyzer.analyze([text])
        return Ticket(
            intent=read.intents[0], typed="", arms="", bundle_id=read.bundle_id, embedding=read.embedding[0]
        )

    def _candidates(self, shelf: Shelf, wanted: Wanted, moment: Moment, asked: Vectors) -> list[Suggestion]:
        place = Place(team=wanted.team, channel=wanted.channel, now_ms=moment.now_ms)
        depth = max(DEPTH, wanted.limit)
        if wanted.typed:
            return shelf.search_typed(asked, wanted.typed, place, depth)
        return shelf.search(asked[np.newaxis], place, depth)[0]

    def _moment(self, wanted: Wanted, read: AnalysisBatch, asked: Vectors) -> Moment:
        return Moment(
            key=f"{wanted.conversation_id}\n{''.join(wanted.messages) or wanted.typed}",
            intent=read.intents[-1],
            typed=pinyin.fold_typed(wanted.typed),
            bundle_id=read.bundle_id,
            embedding=query.unit(asked[: read.embedding.shape[1]]),
            now_ms=self._clock.now_ms(),
        )

    def _search(
        self, tenant: str, shelf: Shelf, place: Place, queries: Vectors, limit: int
    ) -> list[list[Suggestion]]:
        depth = max(_RERANKED, limit) if self._memory.learned(tenant).records else limit
        return shelf.search(queries, place, depth)

    def _relearned(
        self, tenant: str, found: list[Suggestion], analysis: AnalysisBatch, row: int, limit: int
    ) -> list[Suggestion]:
        learned = self._memory.learned(tenant)
        if not learned.records or not learned.guard.trusts():
            return found[:limit]
        moment = Moment(
            key="",
            intent=analysis.intents[row],
            typed="",
            bundle_id=analysis.bundle_id,
            embedding=analysis.embedding[row],
            now_ms=self._clock.now_ms(),
        )
        return ranker.reorder(found, learned, moment)[:limit]

    def _filled(self, one: Suggestion, facts: Mapping[str, str], channel: int) -> Suggestion:
        if "{" not in one.reply.text or not (facts or "{{" in one.reply.text):
            return one
        filled = self._filler.fill(one.reply.text, facts, language=one.reply.language, channel=channel)
        return replace(one, filled=filled)


def _by_shelf(batch: MessageBatch, analysis: AnalysisBatch) -> dict[tuple[str, str], list[int]]:
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row, place in enumerate(zip(batch.tenants, analysis.languages, strict=True)):
        groups[place].append(row)
    return groups


def _by_channel(shelf: Shelf, batch: MessageBatch, rows: list[int]) -> dict[int, list[int]]:
    """The rows that may be searched together: all of them where every reply is for all channels."""
    if shelf.is_open():
        return {0: rows}
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        groups[batch.channels[row]].append(row)
    return groups
