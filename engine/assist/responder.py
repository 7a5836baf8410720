"""What may be answered to customers' messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.assist.auto_reply import Policies
from engine.assist.suggester import Suggester
from engine.customer.informer import NOBODY, Customers, informed
from engine.domain import Advice, AnalysisBatch, AutoReply, MessageBatch, Suggestion

_ADVICE: Callable[[tuple[list[Suggestion], AutoReply | None]], Advice] = partial(
    tuple.__new__, Advice
)  # from its fields


class Responder:
    """Called on the decision thread."""

    def __init__(self, *, suggester: Suggester, policies: Policies, customers: Customers = NOBODY) -> None:
        self._suggester = suggester
        self._policies = policies
        self._customers = customers

    def advise(self, batch: MessageBatch, analysis: AnalysisBatch, limit: int) -> list[Advice]:
        """For each message the best replies, and whether the engine answers alone."""
        known = informed(batch, self._customers)
        suggestions = self._suggester.suggest_messages(known, analysis, limit)
        auto_replies = self._policies.decide(batch.tenants, analysis, suggestions)
        return list(map(_ADVICE, zip(suggestions, auto_replies, strict=True)))
