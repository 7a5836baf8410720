"""Whether the engine may answer a customer alone."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from engine.domain import AnalysisBatch, AutoReply, AutoReplyDecision, Suggestion
from engine.ports import FeedbackStore

KIND = "policy"
_KEY = "auto_reply"
HUMAN = "human.request"

# How likely the best reply is right. Source: logistic regression on answers judged by hand, to messages of authors that
# the heads never saw; `python -m benchmarks.assist --only precision` fits it again.
WEIGHTS = (0.17, 4.5)  # of the log-odds of the intent's confidence, of the lead over the next reply
BIAS = -1.08
_EDGE = 1e-4  # confidences nearer to 0 or 1 say no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When it may. `min_confidence` is of the reply, not of the intent alone."""

    enabled: bool = False
    intents: tuple[str, ...] = ()
    reply_ids: tuple[str, ...] = ()  # all of the intents where empty
    min_confidence: float = 0.98
    max_anger: float = 0.2
    min_similarity: float = 0.3
    notice_zh: str = "【智能客服自动回复】如需人工，请回复“人工”。"
    notice_en: str = "[Automatic reply from our bot. Write “agent” for a person.]"


class Policies:
    """Every tenant's, in memory and in the store. Called on the decision thread."""

    def __init__(self, *, store: FeedbackStore) -> None:
        self._store = store
        self._policies: dict[str, Policy] = {}
        self._versions: dict[str, int] = {}

    def of(self, tenant: str) -> Policy:
        """As it stands; off where none was put."""
        version = self._store.versions(tenant).get(KIND, 0)
        if self._versions.get(tenant) != version:
            data = self._store.documents(tenant, KIND).get(_KEY)
            fields = json.loads(data) if data else {}
            named = {name: tuple(fields[name]) for name in ("intents", "reply_ids") if name in fields}
            self._policies[tenant] = Policy(**{**fields, **named})
            self._versions[tenant] = version
        return self._policies[tenant]

    def put(self, tenant: str, policy: Policy) -> None:
        """From the next message on."""
        self._store.put_document(tenant, KIND, _KEY, json.dumps(asdict(policy)).encode())
        self._policies[tenant] = policy

    def decide(
        self, tenants: Sequence[str], analysis: AnalysisBatch, suggestions: Sequence[Sequence[Suggestion]]
    ) -> list[AutoReply | None]:
        """For each message; None where the tenant's policy is off."""
        policies = {tenant: self.of(tenant) for tenant in set(tenants)}
        if not any(policy.enabled for policy in policies.values()):
            return [None] * len(tenants)
        return [
            decide(policies[tenant], analysis, row, found) if policies[tenant].enabled else None
            for row, (tenant, found) in enumerate(zip(tenants, suggestions, strict=True))
        ]


def features(confidence: float, found: Sequence[Suggestion]) -> tuple[float, float]:
    """What tells a right reply from a wrong one: log-odds of the intent, and the reply's lead over the next."""
    odds = min(max(confidence, _EDGE), 1 - _EDGE)
    lead = found[0].score - found[1].score if len(found) > 1 else 1.0
    return math.log(odds / (1 - odds)), lead


def probability(odds: float, lead: float) -> float:
    """That the best reply is right, from its features."""
    return 1 / (1 + math.exp(-(WEIGHTS[0] * odds + WEIGHTS[1] * lead + BIAS)))


def decide(policy: Policy, analysis: AnalysisBatch, row: int, found: Sequence[Suggestion]) -> AutoReply:
    """The first thing that stands against it, in the order of how little it takes to see it."""
    intent, anger = analysis.intents[row], analysis.anger[row]
    if intent == HUMAN:
        return AutoReply(decision=AutoReplyDecision.HUMAN, reason="the customer asks for a human")
    if intent not in policy.intents:
        return AutoReply(decision=AutoReplyDecision.INTENT, reason=f"the policy does not name {intent}")
    if anger > policy.max_anger or analysis.is_angry[row]:
        reason = f"anger {anger:.3f} is above {policy.max_anger:.3f} or the bundle's threshold"
        return AutoReply(decision=AutoReplyDecision.ANGER, reason=reason)
    if not found or found[0].reply.intent != intent or found[0].similarity < policy.min_similarity:
        reason = f"no reply for {intent} is {policy.min_similarity:.3f} near"
        return AutoReply(decision=AutoReplyDecision.SIMILARITY, reason=reason)
    return _decide_reply(policy, intent, confidence_in(analysis, row, found), found[0])


def confidence_in(analysis: AnalysisBatch, row: int, found: Sequence[Suggestion]) -> float:
    """How likely the best reply to a message is right; 0 without one."""
    return probability(*features(analysis.confidence[row], found)) if found else 0.0


def _decide_reply(policy: Policy, intent: str, confidence: float, best: Suggestion) -> AutoReply:
    reply_id = best.reply.reply_id
    if policy.reply_ids and reply_id not in policy.reply_ids:
        reason = f"the policy does not name {reply_id}"
        return AutoReply(decision=AutoReplyDecision.REPLY, reply_id=reply_id, reason=reason)
    if confidence < policy.min_confidence:
        reason = f"confidence {confidence:.3f} in {reply_id} is below {policy.min_confidence:.3f}"
        return AutoReply(decision=AutoReplyDecision.CONFIDENCE, reply_id=reply_id, reason=reason)
    if best.open_slots:
        reason = f"nothing fills {', '.join(best.open_slots)}"
        return AutoReply(decision=AutoReplyDecision.SLOT, reply_id=reply_id, reason=reason)
    notice = policy.notice_zh if best.reply.language == "zh" else policy.notice_en
    return AutoReply(
        decision=AutoReplyDecision.SENT,
        reply_id=reply_id,
        text=f"{notice}\n{best.text}",
        reason=f"{intent}, confidence {confidence:.3f}, {best.similarity:.3f} near, every slot filled",
    )
