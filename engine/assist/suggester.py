"""Ranks canned replies for messages and for what an agent types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin, ranker, search
from engine.assist.bookkeeper import Bookkeeper
from engine.assist.library import Library
from engine.assist.memory import Memory
from engine.assist.query import Queries, Query
from engine.assist.ranker import DEPTH, Moment, Ranked
from engine.assist.reader import Reader, of_messages
from engine.assist.shelf import Shelf
from engine.assist.slot import SlotFiller
from engine.assist.ticket import Ticket
from engine.assist.visibility import Place
from engine.assist.wanted import Wanted
from engine.domain import AnalysisBatch, MessageBatch, Suggestion
from engine.ports import Clock

Vectors = npt.NDArray[np.float32]
_RERANKED = 8  # candidates for a message that learning may bring forward


class Suggester:
    """Searches tenants' shelves. `suggest` may be called from any thread, once `Bookkeeper.ready` was."""

    def __init__(
        self,
        *,
        bookkeeper: Bookkeeper,
        library: Library,
        memory: Memory,
        reader: Reader,
        filler: SlotFiller,
        clock: Clock,
    ) -> None:
        self._bookkeeper = bookkeeper
        self._library = library
        self._memory = memory
        self._reader = reader
        self._queries = Queries(reader)
        self._filler = filler
        self._clock = clock

    def suggest_messages(
        self, batch: MessageBatch, analysis: AnalysisBatch, limit: int
    ) -> list[list[Suggestion]]:
        """For each analysed message the best replies in its language, best first, its metadata as facts.

        Called on the decision thread.
        """
        queries = of_messages(analysis)
        self._reader.remember(batch.texts, analysis, queries)
        for tenant in set(batch.tenants):
            self._bookkeeper.ready(tenant)
        found: dict[int, list[Suggestion]] = {}
        for (tenant, language), rows in _by_shelf(batch, analysis).items():
            if shelf := self._library.shelf(tenant, language):
                depth = max(_RERANKED, limit) if self._memory.learned(tenant).records else limit
                for channel, of_channel in _by_channel(shelf, batch, rows).items():
                    place = Place(channel=channel, now_ms=self._clock.now_ms())
                    listed = shelf.search(queries[of_channel], place, depth)
                    found.update(zip(of_channel, listed, strict=True))
                self._relearn(tenant, rows, analysis, found)
                self._fill(shelf, batch, rows, found, limit)
        return [found.get(row, []) for row in range(len(batch))]

    def suggest_known(self, tenant: str, wanted: Wanted) -> Ranked | None:
        """As `suggest`, where nothing has to be read first, which takes longest by far; else None."""
        asked = self._queries.known(wanted)
        return None if asked is None else self._ranked(tenant, wanted, asked)

    def suggest(self, tenant: str, wanted: Wanted) -> Ranked:
        """For what the agent typed and what the customer said last; either may be missing. Best first."""
        return self._ranked(tenant, wanted, self._queries.known(wanted) or self._queries.make(wanted))

    def forget(self) -> None:
        """Know no text of a customer any more."""
        self._reader.forget()
        self._queries.forget()

    def ticket(self, text: str) -> Ticket:
        """Of the list that came with a message's answer."""
        (read,) = self._reader.read([text])
        return Ticket(intent=read.intent)

    def _ranked(self, tenant: str, wanted: Wanted, asked: Query) -> Ranked:
        moment = self._moment(wanted, asked)
        static = _in_turn(
            [
                self._candidates(tenant, language, wanted, asked)
                for language in self._languages(tenant, wanted, asked)
            ]
        )
        ranked = ranker.rank(static, self._memory.learned(tenant), moment, wanted.limit)
        filled = [self._filled(one, wanted.facts, wanted.channel) for one in ranked.suggestions]
        return Ranked(filled, ranked.ticket)

    def _languages(self, tenant: str, wanted: Wanted, asked: Query) -> Sequence[str]:
        """The shelves to search: of several only those that have what was typed, if one has."""
        if len(asked.languages) == 1:
            return asked.languages
        shelves = {language: self._library.shelf(tenant, language) for language in asked.languages}
        having = [language for language, shelf in shelves.items() if shelf and shelf.has_typed(wanted.typed)]
        return having or asked.languages[:1]

    def _candidates(self, tenant: str, language: str, wanted: Wanted, asked: Query) -> Sequence[Suggestion]:
        shelf = self._library.shelf(tenant, language)
        if shelf is None:
            return []
        place = Place(team=wanted.team, channel=wanted.channel, now_ms=self._clock.now_ms())
        depth = self._depth(tenant, wanted.limit)
        find = partial(search.search, shelf, asked, wanted.typed, place, depth)
        return asked.lists.of(shelf, wanted.typed, place, depth, find)

    def _depth(self, tenant: str, limit: int) -> int:
        """How many candidates the last word on the order needs."""
        return max(DEPTH, limit) if self._memory.learned(tenant).records else 2 * limit

    def _moment(self, wanted: Wanted, asked: Query) -> Moment:
        return Moment(
            key=f"{wanted.conversation_id}\n{''.join(wanted.messages) or wanted.typed}",
            intent=asked.intent,
            typed=pinyin.fold_typed(wanted.typed),
            now_ms=self._clock.now_ms(),
        )

    def _relearn(
        self, tenant: str, rows: Sequence[int], analysis: AnalysisBatch, found: dict[int, list[Suggestion]]
    ) -> None:
        """Bring forward what agents took before."""
        learned = self._memory.learned(tenant)
        if learned.records and learned.guard.trusts():
            now_ms = self._clock.now_ms()
            for row in rows:
                moment = Moment(key="", intent=analysis.intents[row], typed="", now_ms=now_ms)
                found[row] = ranker.reorder(found[row], learned, moment)

    def _fill(
        self,
        shelf: Shelf,
        batch: MessageBatch,
        rows: Sequence[int],
        found: dict[int, list[Suggestion]],
        limit: int,
    ) -> None:
        """Leave `limit` of each, with what is known of the customer."""
        as_written = shelf.is_as_written()
        for row in rows:
            facts, listed = batch.metadata[row], found[row]
            if facts or not as_written or len(listed) > limit:
                found[row] = [self._filled(one, facts, batch.channels[row]) for one in listed[:limit]]

    def _filled(self, one: Suggestion, facts: Mapping[str, str], channel: int) -> Suggestion:
        text = one.reply.text
        is_sent_as_written = "{{" not in text and "}}" not in text and not (facts and "{" in text)
        if is_sent_as_written:
            return one
        filled = self._filler.fill(text, facts, language=one.reply.language, channel=channel)
        return one._replace(filled=filled)


def _in_turn(lists: Sequence[Sequence[Suggestion]]) -> Sequence[Suggestion]:
    """Of several languages one each in turn: letters do not say which is meant, and scores of two do not compare."""
    if len(lists) == 1:
        return lists[0]
    ordered = sorted(lists, key=lambda found: -found[0].score if found else 0.0)
    return [one for rank in zip_longest(*ordered) for one in rank if one is not None]


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
