"""What the engine would answer alone, asked before it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.analysis.analyzer import Analyzer
from engine.assist import auto_reply
from engine.assist.auto_reply import Policies
from engine.assist.suggester import Suggester
from engine.domain import AnalysisBatch, AutoReply, Hints, MessageBatch

_COMPARED = 2  # replies: the best, and its lead over the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would become of a message; `confidence` is that the best reply is right."""

    intent: str
    auto_reply: AutoReply
    confidence: float


class Rehearsal:
    """`read` is called on any thread, `trials` on the decision thread."""

    def __init__(self, *, analyzer: Analyzer, suggester: Suggester, policies: Policies) -> None:
        self._analyzer = analyzer
        self._suggester = suggester
        self.policies = policies  # that decide when it is no rehearsal

    def read(self, texts: Sequence[str]) -> AnalysisBatch:
        """What `trials` needs."""
        return self._analyzer.analyze(texts)

    def trials(self, tenant: str, texts: Sequence[str], analysis: AnalysisBatch) -> list[Trial]:
        """One per text, under the tenant's policy as if it named everything and asked for no confidence."""
        policy = replace(
            self.policies.of(tenant),
            enabled=True,
            intents=tuple(analysis.intent_names),
            reply_ids=(),
            min_confidence=0.0,
        )
        found = self._suggester.suggest_messages(_batch(tenant, texts), analysis, _COMPARED)
        return [
            Trial(
                intent=analysis.intents[row],
                auto_reply=auto_reply.decide(policy, analysis, row, best),
                confidence=auto_reply.confidence_in(analysis, row, best),
            )
            for row, best in enumerate(found)
        ]


def _batch(tenant: str, texts: Sequence[str]) -> MessageBatch:
    """Messages of nobody, on no channel."""
    count = len(texts)
    return MessageBatch(
        tenants=[tenant] * count,
        channels=[0] * count,
        message_ids=[""] * count,
        conversation_ids=[""] * count,
        customer_ids=[""] * count,
        texts=texts,
        locales=[""] * count,
        hints=[Hints()] * count,
        metadata=[{}] * count,
        raw=[b""] * count,
    )
