"""Whether the engine may answer a customer alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from engine.domain import AnalysisBatch, AutoReply, AutoReplyDecision, Suggestion
from engine.ports import FeedbackStore

KIND = "policy"
_KEY = "auto_reply"
HUMAN = "human.request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When it may. `python -m benchmarks.assist` tells what confidence gives what precision."""

    enabled: bool = False
    intents: tuple[str, ...] = ()
    min_confidence: float = 0.98
    max_anger: float = 0.2
    min_similarity: float = 0.5
    notice_zh: str = "【智能客服自动回复】如需人工，请回复“人工”。"
    notice_en: str = "[Automatic reply from our bot. Write “agent” for a person.]"


class Policies:
    """Every tenant's, in memory and in the store. Called on the decision thread."""

    def __init__(self, *, store: FeedbackStore) -> None:
        self._store = store
        self._policies: dict[str, Policy] = {}

    def of(self, tenant: str) -> Policy:
        """As it stands; off where none was put."""
        if tenant not in self._policies:
            data = self._store.documents(tenant, KIND).get(_KEY)
            fields = json.loads(data) if data else {}
            if "intents" in fields:
                fields["intents"] = tuple(fields["intents"])
            self._policies[tenant] = Policy(**fields)
        return self._policies[tenant]

    def put(self, tenant: str, policy: Policy) -> None:
        """From the next message on."""
        self._store.put_document(tenant, KIND, _KEY, json.dumps(asdict(policy)).encode())
        self._policies[tenant] = policy

    def decide(
        self, tenants: Sequence[str], analysis: AnalysisBatch, suggestions: Sequence[Sequence[Suggestion]]
    ) -> list[AutoReply | None]:
        """For each message; None where the tenant's policy is off."""
        policies = [self.of(tenant) for tenant in tenants]
        return [
            decide(policy, analysis, row, found) if policy.enabled else None
            for row, (policy, found) in enumerate(zip(policies, suggestions, strict=True))
        ]


def decide(policy: Policy, analysis: AnalysisBatch, row: int, found: Sequence[Suggestion]) -> AutoReply:
    """The first thing that stands against it, in the order of how little it takes to see it."""
    intent, confidence, anger = analysis.intents[row], analysis.confidence[row], analysis.anger[row]
    if intent == HUMAN:
        return AutoReply(decision=AutoReplyDecision.HUMAN, reason="the customer asks for a human")
    if intent not in policy.intents:
        return AutoReply(decision=AutoReplyDecision.INTENT, reason=f"the policy does not name {intent}")
    if confidence < policy.min_confidence:
        reason = f"confidence {confidence:.3f} is below {policy.min_confidence:.3f}"
        return AutoReply(decision=AutoReplyDecision.CONFIDENCE, reason=reason)
    if anger > policy.max_anger or analysis.is_angry[row]:
        return AutoReply(
            decision=AutoReplyDecision.ANGER,
            reason=f"anger {anger:.3f} is above {policy.max_anger:.3f} or its threshold",
        )
    return _decide_reply(policy, intent, confidence, found)


def _decide_reply(policy: Policy, intent: str, confidence: float, found: Sequence[Suggestion]) -> AutoReply:
    best = next((one for one in found if one.reply.intent == intent), None)
    if best is None or best.similarity < policy.min_similarity:
        nearest = f"is {best.similarity:.3f} near" if best else "is there"
        reason = f"no reply for {intent} {nearest}, {policy.min_similarity:.3f} is asked"
        return AutoReply(
            decision=AutoReplyDecision.SIMILARITY, reply_id=best.reply.reply_id if best else "", reason=reason
        )
    if best.open_slots:
        reason = f"nothing fills {', '.join(best.open_slots)}"
        return AutoReply(decision=AutoReplyDecision.SLOT, reply_id=best.reply.reply_id, reason=reason)
    notice = policy.notice_zh if best.reply.language == "zh" else policy.notice_en
    return AutoReply(
        decision=AutoReplyDecision.SENT,
        reply_id=best.reply.reply_id,
        text=f"{notice}\n{best.text}",
        reason=f"{intent} at {confidence:.3f}, reply {best.similarity:.3f} near, every slot filled",
    )
