"""The one path a batch of messages takes: dedupe, read, decide, suggest, rules, journal, answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from engine.analysis.analyzer import Analyzer
from engine.assist.responder import Responder
from engine.domain import MESSAGE, AnalysisBatch, Assignment, Event, MessageBatch
from engine.errors import ContentionError
from engine.ports import Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.draft import Draft
from engine.workflow.hook import Decided, Workflow

_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault
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
        answers = self._answer(batch, keys, sorted(first.values()))
        return [
            answers[row] if first[name] == row else self._codec.again(answers[first[name]])
            for row, name in enumerate(names)
        ]

    def _answer(self, batch: MessageBatch, keys: Sequence[str], rows: list[int]) -> dict[int, bytes]:
        answers: dict[int, bytes] = {}
        for _ in range(_ATTEMPTS):
            answers |= self._answered_before(batch, keys, rows)
            answers |= self._attempt(batch, [row for row in rows if row not in answers])
            rows = [row for row in rows if row not in answers]
            if not rows:
                return answers
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

    def _attempt(self, batch: MessageBatch, rows: Sequence[int]) -> dict[int, bytes]:
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
        self._journal(fresh, groups, drafts, ids, answers)
        committed = self._dispatcher.commit_all(list(drafts.values()))
        kept = {tenant for tenant, done in zip(drafts, committed, strict=True) if done}
        return {rows[row]: answers[row] for row in range(len(fresh)) if fresh.tenants[row] in kept}

    def _decide(
        self,
        batch: MessageBatch,
        analysis: AnalysisBatch,
        groups: dict[str, list[int]],
        drafts: dict[str, Draft],
    ) -> tuple[list[str], list[Assignment]]:
        ids, decided = [""] * len(batch), dict[int, Assignment]()
        for tenant, rows in groups.items():
            found, made = self._dispatcher.receive(drafts[tenant], batch, rows, analysis)
            for row, conversation_id in zip(rows, found, strict=True):
                ids[row] = conversation_id
            decided.update(zip(rows, made, strict=True))
        return ids, [decided[row] for row in range(len(batch))]

    def _journal(
        self,
        batch: MessageBatch,
        groups: dict[str, list[int]],
        drafts: dict[str, Draft],
        ids: Sequence[str],
        answers: Sequence[bytes],
    ) -> None:
        records, keys = self._codec.records(batch.raw, answers), batch.keys()
        for tenant, rows in groups.items():
            now_ms = drafts[tenant].now_ms
            drafts[tenant].record_messages(
                [Event(ids[row], MESSAGE, now_ms, records[row], keys[row]) for row in rows]
            )


def _by_tenant(batch: MessageBatch, rows: Sequence[int]) -> dict[str, list[int]]:
    """The rows of each tenant, in order."""
    tenants = set(batch.tenants)
    if len(tenants) == 1:
        return {tenants.pop(): list(rows)} if rows else {}
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        groups[batch.tenants[row]].append(row)
    return dict(groups)
