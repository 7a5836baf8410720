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
        names = [(batch.tenants[row], _key(batch, row)) for row in range(len(batch))]
        first = {name: row for row, name in reversed(list(enumerate(names)))}
        answers = self._answer(batch, sorted(first.values()))
        return [
            answers[row] if first[name] == row else self._codec.again(answers[first[name]])
            for row, name in enumerate(names)
        ]

    def _answer(self, batch: MessageBatch, rows: list[int]) -> dict[int, bytes]:
        answers: dict[int, bytes] = {}
        for _ in range(_ATTEMPTS):
            answers |= self._answered_before(batch, rows)
            answers |= self._attempt(batch, [row for row in rows if row not in answers])
            rows = [row for row in rows if row not in answers]
            if not rows:
                return answers
        raise ContentionError(f"the state changed under {_ATTEMPTS} attempts; try again")

    def _answered_before(self, batch: MessageBatch, rows: Sequence[int]) -> dict[int, bytes]:
        answers = {}
        for tenant, of_tenant in _by_tenant(batch, rows).items():
            records = self._store.records(tenant, [_key(batch, row) for row in of_tenant])
            for row in of_tenant if records else ():
                record = records.get(_key(batch, row))
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
        self._journal(fresh, ids, answers, drafts)
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
        decided: dict[int, tuple[str, Assignment]] = {}
        for tenant, rows in groups.items():
            ids, assignments = self._dispatcher.receive(drafts[tenant], batch, rows, analysis)
            decided.update(zip(rows, zip(ids, assignments, strict=True), strict=True))
        in_order = [decided[row] for row in range(len(batch))]
        return [one for one, _ in in_order], [assignment for _, assignment in in_order]

    def _journal(
        self, batch: MessageBatch, ids: Sequence[str], answers: Sequence[bytes], drafts: dict[str, Draft]
    ) -> None:
        for row, (conversation_id, answer) in enumerate(zip(ids, answers, strict=True)):
            draft = drafts[batch.tenants[row]]
            event = Event(
                conversation_id=conversation_id,
                kind=MESSAGE,
                time_ms=draft.now_ms,
                data=self._codec.record(batch.raw[row], answer),
                key=_key(batch, row),
            )
            draft.record_message(event)


def _key(batch: MessageBatch, row: int) -> str:
    """Names a message for ever within its tenant."""
    return f"{batch.channels[row]}:{batch.message_ids[row]}"


def _by_tenant(batch: MessageBatch, rows: Sequence[int]) -> dict[str, list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        groups[batch.tenants[row]].append(row)
    return dict(groups)
