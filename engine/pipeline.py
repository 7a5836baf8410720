"""The one path a batch of messages takes: dedupe, read, decide, suggest, rules, journal, answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

from engine.analysis.analyzer import Analyzer
from engine.assist.responder import Responder
from engine.domain import MESSAGE, AnalysisBatch, Assignment, Event, MessageBatch
from engine.errors import ContentionError
from engine.ports import Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.draft import Draft
from engine.workflow.hook import Decided, Workflow

_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault
_EVENT: Callable[[tuple[object, ...]], Event] = partial(tuple.__new__, Event)  # from its fields
SUGGESTIONS = 3  # replies that go with every answer


class Pipeline:
    """Answers batches. Called from one thread."""

    def __init__(
        self,
        *,
        analyzer: Analyzer,
        dispatcher: Dispatcher,
        responder: Responder,
        workflow: Workflow,
        store: Store,
        codec: Codec,
    ) -> None:
        self._analyzer = analyzer
        self._dispatcher = dispatcher
        self._responder = responder
        self._workflow = workflow
        self._store = store
        self._codec = codec

    def process(self, batch: MessageBatch) -> list[bytes]:
        """A serialised answer for each message, in order; all of them are journaled.

        A message whose (tenant, channel, message_id) was seen before, here or in an earlier batch, gets the first
        answer, marked as a duplicate. Raises: ContentionError, StorageError.
        """
        keys = batch.keys()
        names = list(zip(batch.tenants, keys, strict=True))
        first = dict(zip(reversed(names), reversed(range(len(names))), strict=True))
        if len(first) == len(names):
            return self._answer(batch, keys)
        rows = sorted(first.values())
        answers = dict(zip(rows, self._answer(batch.take(rows), [keys[row] for row in rows]), strict=True))
        return [
            answers[row] if first[name] == row else self._codec.again(answers[first[name]])
            for row, name in enumerate(names)
        ]

    def _answer(self, batch: MessageBatch, keys: Sequence[str]) -> list[bytes]:
        """Of messages of which no two are the same."""
        answers: dict[int, bytes] = {}
        rows: Sequence[int] = range(len(batch))
        for _ in range(_ATTEMPTS):
            answers |= self._answered_before(batch, keys, rows)
            answers |= self._attempt(batch, keys, _left(rows, answers))
            rows = _left(rows, answers)
            if not rows:
                return [answers[row] for row in range(len(batch))]
        raise ContentionError(f"the state changed under {_ATTEMPTS} attempts; try again")

    def _answered_before(
        self, batch: MessageBatch, keys: Sequence[str], rows: Sequence[int]
    ) -> dict[int, bytes]:
        answers = {}
        for tenant, of_tenant in _by_tenant(batch, rows).items():
            records = self._store.records(tenant, [keys[row] for row in of_tenant])
            for row in of_tenant if records else ():
                record = records.get(keys[row])
                if record is not None:  # empty where only the message's name is remembered
                    answers[row] = self._codec.again(self._codec.answer_in(record))
        return answers

    def _attempt(self, batch: MessageBatch, keys: Sequence[str], rows: Sequence[int]) -> dict[int, bytes]:
        """Answers of the rows whose tenant's change was committed."""
        if not rows:
            return {}
        fresh = batch.take(rows)
        analysis = self._analyzer.analyze(fresh.texts, fresh.locales)
        groups = _by_tenant(fresh, range(len(fresh)))
        drafts = {tenant: self._dispatcher.draft(tenant, read=analysis) for tenant in groups}
        ids, assignments = self._decide(fresh, analysis, groups, drafts)
        advice = self._responder.advise(fresh, analysis, SUGGESTIONS)
        self._workflow.follow(
            Decided(
                batch=fresh,
                analysis=analysis,
                groups=groups,
                drafts=drafts,
                conversation_ids=ids,
                assignments=assignments,
                advice=advice,
            )
        )
        answers = self._codec.answers(ids, analysis, assignments, advice)
        written = Written(ids, self._codec.records(fresh.raw, answers), [keys[row] for row in rows])
        _journal(groups, drafts, written)
        committed = self._dispatcher.commit_all(list(drafts.values()))
        if all(committed):
            return dict(zip(rows, answers, strict=True))
        kept = {tenant for tenant, done in zip(drafts, committed, strict=True) if done}
        return {rows[row]: answers[row] for row in range(len(fresh)) if fresh.tenants[row] in kept}

    def _decide(
        self,
        batch: MessageBatch,
        analysis: AnalysisBatch,
        groups: dict[str, list[int]],
        drafts: dict[str, Draft],
    ) -> tuple[list[str], list[Assignment]]:
        if len(groups) == 1:
            ((tenant, rows),) = groups.items()
            return self._dispatcher.receive(drafts[tenant], batch, rows, analysis)
        ids, decided = [""] * len(batch), dict[int, Assignment]()
        for tenant, rows in groups.items():
            found, made = self._dispatcher.receive(drafts[tenant], batch, rows, analysis)
            for row, conversation_id in zip(rows, found, strict=True):
                ids[row] = conversation_id
            decided.update(zip(rows, made, strict=True))
        return ids, [decided[row] for row in range(len(batch))]


class Written(NamedTuple):
    """What is journaled of a batch, as columns: conversations, payloads and the messages' keys."""

    ids: Sequence[str]
    records: Sequence[bytes]
    keys: Sequence[str]

    def events(self, rows: Sequence[int], now_ms: int) -> Iterator[Event]:
        """One for each of the rows."""
        columns = self if len(rows) == len(self.ids) else [[one[row] for row in rows] for one in self]
        ids, records, keys = columns
        parts = zip(ids, repeat(MESSAGE), repeat(now_ms), records, keys, repeat(0), repeat(0), strict=False)
        return map(_EVENT, parts)


def _journal(groups: dict[str, list[int]], drafts: dict[str, Draft], written: Written) -> None:
    for tenant, rows in groups.items():
        drafts[tenant].record_messages(list(written.events(rows, drafts[tenant].now_ms)))


def _left(rows: Sequence[int], answers: Mapping[int, bytes]) -> Sequence[int]:
    """Those of the rows without an answer."""
    return [row for row in rows if row not in answers] if answers else rows


def _by_tenant(batch: MessageBatch, rows: Sequence[int]) -> dict[str, list[int]]:
    """The rows of each tenant, in order."""
    tenants = set(batch.tenants)
    if len(tenants) == 1:
        return {tenants.pop(): list(rows)} if rows else {}
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        groups[batch.tenants[row]].append(row)
    return dict(groups)
