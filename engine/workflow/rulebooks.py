"""Every tenant's rules: the pack's, and over them what the tenant put."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import NotFoundError
from engine.ports import Clock, FeedbackStore
from engine.workflow.codec import WorkflowCodec
from engine.workflow.rule import Rule
from engine.workflow.rulebook import Rulebook

KIND = "rule"
_LOOK = 1000  # milliseconds after which it is looked whether another engine changed the rules


@dataclass(slots=True)
class _Kept:
    book: Rulebook
    version: int
    seen_ms: int


class Rulebooks:
    """In memory and in the store, as documents; an empty one is a rule of the pack that was deleted.

    Called on the decision thread. A tenant's own change counts at once, another engine's within a second.
    """

    def __init__(
        self, *, store: FeedbackStore, codec: WorkflowCodec, clock: Clock, pack: Sequence[Rule]
    ) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._pack = {rule.rule_id: rule for rule in pack}
        self._pack_book = Rulebook(pack)  # of all tenants that put nothing
        self._kept: dict[str, _Kept] = {}

    def of(self, tenant: str, now_ms: int) -> Rulebook:
        """The tenant's book."""
        kept = self._kept.get(tenant)
        if kept is None or now_ms - kept.seen_ms >= _LOOK:
            kept = self._look(tenant, kept, now_ms)
        return kept.book

    def rules(self, tenant: str) -> list[Rule]:
        """All, by id, as they are stored now."""
        return sorted(self._read(tenant), key=lambda rule: rule.rule_id)

    def put(self, tenant: str, rule: Rule) -> Rule:
        """Create or replace; the rule as kept."""
        kept = replace(rule, updated_ms=self._clock.now_ms())
        self._store.put_document(tenant, KIND, rule.rule_id, self._codec.rule_bytes(kept))
        self._kept.pop(tenant, None)
        return kept

    def delete(self, tenant: str, rule_id: str) -> None:
        """Raises: NotFoundError."""
        documents = self._store.documents(tenant, KIND)
        if not documents.get(rule_id, b"pack" if rule_id in self._pack else b""):
            raise NotFoundError(f"tenant {tenant} has no rule {rule_id}")
        if rule_id in self._pack:
            self._store.put_document(tenant, KIND, rule_id, b"")
        else:
            self._store.delete_document(tenant, KIND, rule_id)
        self._kept.pop(tenant, None)

    def _look(self, tenant: str, kept: _Kept | None, now_ms: int) -> _Kept:
        version = self._store.versions(tenant).get(KIND, 0)
        if kept is None or kept.version != version:
            kept = self._kept[tenant] = _Kept(self._book(tenant), version, now_ms)
        kept.seen_ms = now_ms
        return kept

    def _book(self, tenant: str) -> Rulebook:
        has_own = bool(self._store.documents(tenant, KIND))
        return Rulebook(self._read(tenant)) if has_own else self._pack_book

    def _read(self, tenant: str) -> list[Rule]:
        documents = self._store.documents(tenant, KIND)
        own = [self._codec.rule(data) for data in documents.values() if data]
        return [*own, *(rule for rule_id, rule in self._pack.items() if rule_id not in documents)]
