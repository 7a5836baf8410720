"""RuleService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Any

import grpc
from yingda.v1 import rule_service_pb2 as pb
from yingda.v1.message_pb2 import CHANNEL_WEB
from yingda.v1.rule_service_pb2_grpc import RuleServiceServicer

from engine.decision_thread import DecisionThread
from engine.routing.policy_desk import PolicyDesk
from engine.servicers import check, convert_policy, convert_rule, convert_ticket, convert_trial
from engine.servicers.convert import milliseconds
from engine.servicers.position import position_of, token_of
from engine.timeline.reader import JournalReader
from engine.workflow.reading import Recorded
from engine.workflow.rule_desk import Imagined, RuleDesk
from engine.workflow.trial import Rehearsal

Context = grpc.aio.ServicerContext[Any, Any]
MAX_RULES = 1000
MAX_TEXT = 8192  # bytes
_TOGETHER = 16  # conversations whose past is read in one step


class RuleServicer(RuleServiceServicer):
    """Rules, what they sent, and the routing policy. Trials run beside the decisions."""

    def __init__(
        self,
        *,
        desk: RuleDesk,
        policies: PolicyDesk,
        reader: JournalReader,
        thread: DecisionThread,
        searchers: Executor,
    ) -> None:
        self._desk = desk
        self._policies = policies
        self._reader = reader
        self._thread = thread
        self._searchers = searchers

    async def PutRule(self, request: pb.PutRuleRequest, context: Context) -> pb.PutRuleResponse:
        """See rule_service.proto."""
        rule = convert_rule.rule_from_proto(request.rule)
        kept = await self._thread.run(self._desk.put, request.tenant, rule)
        return pb.PutRuleResponse(rule=convert_rule.rule_to_proto(kept))

    async def ListRules(self, request: pb.ListRulesRequest, context: Context) -> pb.ListRulesResponse:
        """See rule_service.proto."""
        size = check.page_size(request.page_size)
        rules = {one.rule_id: one for one in await self._thread.run(self._desk.rules, request.tenant)}
        page, token = check.page_by_id(sorted(rules), request.page_token, size)
        return pb.ListRulesResponse(
            rules=[convert_rule.rule_to_proto(rules[one]) for one in page], next_page_token=token
        )

    async def DeleteRule(self, request: pb.DeleteRuleRequest, context: Context) -> pb.DeleteRuleResponse:
        """See rule_service.proto."""
        await self._thread.run(self._desk.delete, request.tenant, request.rule_id)
        return pb.DeleteRuleResponse()

    async def LintRules(self, request: pb.LintRulesRequest, context: Context) -> pb.LintRulesResponse:
        """See rule_service.proto."""
        rules = convert_rule.rules_from_proto(request.rules, MAX_RULES)
        found = await self._thread.run(self._desk.inspect, request.tenant, rules)
        return pb.LintRulesResponse(findings=[convert_trial.finding_to_proto(one) for one in found])

    async def ExplainRules(
        self, request: pb.ExplainRulesRequest, context: Context
    ) -> pb.ExplainRulesResponse:
        """See rule_service.proto."""
        if request.text and request.conversation_id:
            raise check.invalid("text", "give a text or a conversation_id, not both")
        if request.conversation_id:
            found = await self._thread.run(
                self._desk.explain_conversation, request.tenant, request.conversation_id
            )
        else:
            found = await self._thread.run(self._desk.explain_text, request.tenant, _imagined(request))
        return pb.ExplainRulesResponse(rules=[convert_trial.explanation_to_proto(one) for one in found])

    async def TestRules(
        self, request: pb.TestRulesRequest, context: Context
    ) -> AsyncIterator[pb.TestRulesResponse]:
        """See rule_service.proto."""
        rules = convert_rule.rules_from_proto(request.rules, MAX_RULES)
        rules = rules or await self._thread.run(self._desk.rules, request.tenant)
        since_ms = milliseconds(request.since_time)
        through = await self._reader.before(request.tenant, since_ms) if since_ms else 0
        rehearsal = Rehearsal(request.tenant, rules, since_ms, is_whole=not through)
        before = -1
        while through > before:
            before = through
            events, through = await self._thread.run(self._desk.journal, request.tenant, before)
            await self._prepare(rehearsal, request.tenant, events, before)
            trials = await self._search(rehearsal.run, events)
            yield convert_trial.trials_to_proto(trials, events, rehearsal.messages)

    async def _prepare(
        self, rehearsal: Rehearsal, tenant: str, events: Sequence[Recorded], through: int
    ) -> None:
        """Let it know what happened up to there in conversations of which it knows nothing."""
        unknown = rehearsal.unknown(events)
        for start in range(0, len(unknown), _TOGETHER):
            places = dict.fromkeys(unknown[start : start + _TOGETHER], 0)
            while places:
                earlier, places = await self._thread.run(self._desk.earlier, tenant, places, through)
                await self._search(rehearsal.prepare, earlier)

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: Context
    ) -> pb.ListDeliveriesResponse:
        """See rule_service.proto."""
        size = check.page_size(request.page_size)
        state = convert_ticket.delivery_state_from_proto(request.state)
        after = position_of(request.page_token) or (0, "")
        found = await self._thread.run(self._desk.deliveries, request.tenant, state, after, size + 1)
        page = found[:size]
        token = token_of(page[-1].created_ms, page[-1].delivery_id) if len(found) > size else ""
        return pb.ListDeliveriesResponse(
            deliveries=[convert_ticket.delivery_to_proto(one) for one in page], next_page_token=token
        )

    async def RequeueDeliveries(
        self, request: pb.RequeueDeliveriesRequest, context: Context
    ) -> pb.RequeueDeliveriesResponse:
        """See rule_service.proto."""
        check.count("delivery_ids", len(request.delivery_ids), 0, MAX_RULES)
        count = await self._thread.run(self._desk.requeue, request.tenant, list(request.delivery_ids))
        return pb.RequeueDeliveriesResponse(requeued=count)

    async def PutRoutingPolicy(
        self, request: pb.PutRoutingPolicyRequest, context: Context
    ) -> pb.PutRoutingPolicyResponse:
        """See rule_service.proto."""
        overrides = convert_policy.overrides_from_proto(request.policy)
        policy = await self._thread.run(self._policies.put, request.tenant, overrides)
        return pb.PutRoutingPolicyResponse(policy=convert_policy.policy_to_proto(policy))

    async def GetRoutingPolicy(
        self, request: pb.GetRoutingPolicyRequest, context: Context
    ) -> pb.GetRoutingPolicyResponse:
        """See rule_service.proto."""
        policy = await self._thread.run(self._policies.of, request.tenant)
        return pb.GetRoutingPolicyResponse(policy=convert_policy.policy_to_proto(policy))

    async def _search(self, work: Any, *args: Any) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._searchers, work, *args)


def _imagined(request: pb.ExplainRulesRequest) -> Imagined:
    check.filled("text", request.text, MAX_TEXT)
    check.count("facts", len(request.facts), 0, 32)
    check.between("vip", request.vip, 0, 3)
    return Imagined(
        text=request.text,
        channel=request.channel or CHANNEL_WEB,
        facts=dict(request.facts),
        vip=request.vip,
    )
