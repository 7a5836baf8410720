"""Asks a tenant's rules what follows, and lets it follow in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from engine.customer.informer import Customers
from engine.domain import Conversation
from engine.ports import Store
from engine.routing.draft import Draft
from engine.workflow.actor import Actor
from engine.workflow.codec import WorkflowCodec
from engine.workflow.columns import Columns
from engine.workflow.hook import Decided
from engine.workflow.outbox import Firing
from engine.workflow.reading import Reading, columns_of, known_facts
from engine.workflow.rule import Rule, Trigger
from engine.workflow.rulebook import Hit, Rulebook
from engine.workflow.rulebooks import Rulebooks
from engine.workflow.step import Step

_T = TypeVar("_T")
_Fired = dict[tuple[str, str], int]  # (conversation, rule) to when it fired last


class Flow:
    """See `hook.Workflow`."""

    def __init__(
        self,
        *,
        rulebooks: Rulebooks,
        store: Store,
        codec: WorkflowCodec,
        actor: Actor,
        customers: Customers,
    ) -> None:
        self._rulebooks = rulebooks
        self._store = store
        self._codec = codec
        self._actor = actor
        self._customers = customers

    def follow(self, decided: Decided) -> None:
        """See `hook.Workflow`."""
        for tenant, rows in decided.groups.items():
            book = self._rulebooks.of(tenant, decided.drafts[tenant].now_ms)
            if book.has(Trigger.MESSAGE):
                self._follow(decided, tenant, rows, book)

    def waited(self, draft: Draft, tenant: str, conversations: Sequence[Conversation]) -> None:
        """See `hook.Workflow`."""
        book = self._rulebooks.of(tenant, draft.now_ms)
        if not conversations or not book.has(Trigger.WAITING):
            return
        found = [(one, self._last(tenant, one)) for one in conversations]
        known = [(one, reading) for one, reading in found if reading]
        readings = [reading for _, reading in known]
        columns = columns_of(
            tenant, readings, [one for one, _ in known], customers=self._customers, now_ms=draft.now_ms
        )
        hits = book.match(columns, Trigger.WAITING)
        fired = self._fired(tenant, [known[hit.row][0].conversation_id for hit in hits])
        for hit in hits:
            step = Step(
                tenant=tenant,
                draft=draft,
                rule=hit.rule,
                reading=readings[hit.row],
                conversation_id=known[hit.row][0].conversation_id,
                facts=dict(columns.facts(hit.row)),
            )
            self._fire(step, book, columns, hit, fired)

    def _follow(self, decided: Decided, tenant: str, rows: Sequence[int], book: Rulebook) -> None:
        columns = self._columns(decided, tenant, rows)
        hits = book.match(columns, Trigger.MESSAGE)
        ids = decided.conversation_ids
        fired = self._fired(tenant, [ids[rows[hit.row]] for hit in hits])
        for hit in hits:
            row = rows[hit.row]
            step = Step(
                tenant=tenant,
                draft=decided.drafts[tenant],
                rule=hit.rule,
                reading=_reading(decided, row),
                conversation_id=ids[row],
                facts=dict(columns.facts(hit.row)),
                decided=decided,
                row=row,
                message=hit.row,
            )
            self._fire(step, book, columns, hit, fired)

    def _fire(self, step: Step, book: Rulebook, columns: Columns, hit: Hit, fired: _Fired) -> None:
        """Do what the rule says, unless it did so in this conversation just now."""
        name = (step.conversation_id, hit.rule.rule_id)
        before_ms = fired.get(name, 0)
        if is_within_window(hit.rule, before_ms, step.now_ms):
            return
        verdicts = book.verdicts(hit.rule, columns, hit.row)
        step.draft.message = step.message  # places that are freed now, are freed by it
        self._actor.act(step)
        step.draft.message = None
        message_id = step.reading.message_id if step.decided else ""
        data = self._codec.fired(hit.rule.rule_id, message_id, verdicts, step.done)
        step.record("rule_fired", data)
        if hit.rule.window_ms:
            step.draft.follow_up.firings.append(
                Firing(conversation_id=name[0], rule_id=name[1], before_ms=before_ms, fired_ms=step.now_ms)
            )
            fired[name] = step.now_ms

    def _columns(self, decided: Decided, tenant: str, rows: Sequence[int]) -> Columns:
        batch, analysis, draft = decided.batch, decided.analysis, decided.drafts[tenant]
        conversations = [draft.conversation(decided.conversation_ids[row]) for row in rows]
        return Columns(
            now_ms=draft.now_ms,
            intents=_taken(analysis.intents, rows),
            confidences=_taken(analysis.confidence, rows),
            sentiments=_taken(analysis.sentiments, rows),
            angers=_taken(analysis.anger, rows),
            languages=_taken(analysis.languages, rows),
            channels=_taken(batch.channels, rows),
            texts=_taken(batch.texts, rows),
            vips=[batch.hints[row].vip for row in rows],
            conversations=conversations,  # type: ignore[arg-type]  # every decided one is in its draft
            facts_of=lambda row: known_facts(self._customers, tenant, _reading(decided, rows[row])),
        )

    def _fired(self, tenant: str, conversation_ids: Sequence[str]) -> _Fired:
        distinct = list(dict.fromkeys(conversation_ids))
        return self._store.workflow.fired(tenant, distinct) if distinct else {}

    def _last(self, tenant: str, conversation: Conversation) -> Reading | None:
        record = self._store.last_record(tenant, conversation.conversation_id)
        return self._codec.reading(record) if record else None


def is_within_window(rule: Rule, before_ms: int, now_ms: int) -> bool:
    """Whether the rule fired so lately that it does not again."""
    return bool(before_ms) and now_ms - before_ms < rule.window_ms


def _taken(values: Sequence[_T], rows: Sequence[int]) -> Sequence[_T]:
    """Of one tenant's rows; mostly that is all of them."""
    return values if len(rows) == len(values) else [values[row] for row in rows]


def _reading(decided: Decided, row: int) -> Reading:
    batch, analysis = decided.batch, decided.analysis
    return Reading(
        message_id=batch.message_ids[row],
        text=batch.texts[row],
        channel=batch.channels[row],
        customer_id=batch.customer_ids[row],
        vip=batch.hints[row].vip,
        metadata=batch.metadata[row],
        intent=analysis.intents[row],
        confidence=analysis.confidence[row],
        sentiment=analysis.sentiments[row],
        anger=analysis.anger[row],
        is_angry=analysis.is_angry[row],
        language=analysis.languages[row],
    )
