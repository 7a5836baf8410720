"""A client's calls about rules, tickets and what is told to other systems."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar

import grpc

from yingda.errors import YingdaError
from yingda.v1 import (
    rule_pb2,
    rule_service_pb2,
    rule_service_pb2_grpc,
    ticket_pb2,
    ticket_service_pb2,
    ticket_service_pb2_grpc,
)

Response = TypeVar("Response")
_PAGE_SIZE = 1000


def _left(limit: int | None, taken: int) -> int | None:
    return None if limit is None else max(limit - taken, 0)


class WorkflowMethods:
    """A part of `client.Client`, which has the connection."""

    _tenant: str
    _channel: grpc.aio.Channel
    _metadata: Sequence[tuple[str, str]]

    async def put_rule(self, rule: rule_pb2.Rule) -> rule_pb2.Rule:
        """Create or replace a rule; INVALID_ARGUMENT names the key that is wrong."""
        request = rule_service_pb2.PutRuleRequest(tenant=self._tenant, rule=rule)
        return (await self._call(self._rules.PutRule, request)).rule

    async def rules(self) -> list[rule_pb2.Rule]:
        """All rules, by id."""
        found: list[rule_pb2.Rule] = []
        request = rule_service_pb2.ListRulesRequest(tenant=self._tenant, page_size=_PAGE_SIZE)
        while True:
            page = await self._call(self._rules.ListRules, request)
            found.extend(page.rules)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def delete_rule(self, rule_id: str) -> None:
        """Remove a rule."""
        request = rule_service_pb2.DeleteRuleRequest(tenant=self._tenant, rule_id=rule_id)
        await self._call(self._rules.DeleteRule, request)

    async def lint_rules(self, rules: Sequence[rule_pb2.Rule] = ()) -> Sequence[rule_service_pb2.RuleFinding]:
        """What is wrong or doubtful about these rules, or about the tenant's."""
        request = rule_service_pb2.LintRulesRequest(tenant=self._tenant, rules=rules)
        return (await self._call(self._rules.LintRules, request)).findings

    async def explain_rules(
        self, request: rule_service_pb2.ExplainRulesRequest
    ) -> Sequence[rule_service_pb2.RuleExplanation]:
        """Which rules hold for a text or a conversation, condition by condition; the tenant is filled in."""
        request.tenant = self._tenant
        return (await self._call(self._rules.ExplainRules, request)).rules

    async def test_rules(
        self,
        request: rule_service_pb2.TestRulesRequest,
        *,
        progress: Callable[[rule_service_pb2.TestRulesResponse], None] = lambda _: None,
        limit: int | None = None,
    ) -> rule_service_pb2.TestRulesResponse:
        """Where rules would have fired: the first `limit` times, or all; `progress` sees each part.

        The tenant is filled in.
        """
        request.tenant = self._tenant
        whole = rule_service_pb2.TestRulesResponse()
        call = self._rules.TestRules(request, metadata=self._metadata)
        try:
            async for part in call:
                whole.trials.extend(part.trials[: _left(limit, len(whole.trials))])
                whole.messages = part.messages
                progress(part)
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        finally:
            call.cancel()
        return whole

    async def deliveries(
        self,
        state: rule_service_pb2.DeliveryState.ValueType = rule_service_pb2.DELIVERY_STATE_UNSPECIFIED,
        *,
        limit: int = 100,
    ) -> Sequence[rule_service_pb2.Delivery]:
        """The oldest of what is to be told to other systems, at most 1000."""
        request = rule_service_pb2.ListDeliveriesRequest(tenant=self._tenant, state=state, page_size=limit)
        return (await self._call(self._rules.ListDeliveries, request)).deliveries

    async def requeue_deliveries(self, delivery_ids: Sequence[str] = ()) -> int:
        """Try dead deliveries again, these or all; how many that were."""
        request = rule_service_pb2.RequeueDeliveriesRequest(tenant=self._tenant, delivery_ids=delivery_ids)
        return (await self._call(self._rules.RequeueDeliveries, request)).requeued

    async def put_routing_policy(
        self, policy: rule_service_pb2.RoutingPolicy
    ) -> rule_service_pb2.RoutingPolicy:
        """Replace what the tenant says about routing; the policy that applies."""
        request = rule_service_pb2.PutRoutingPolicyRequest(tenant=self._tenant, policy=policy)
        return (await self._call(self._rules.PutRoutingPolicy, request)).policy

    async def routing_policy(self) -> rule_service_pb2.RoutingPolicy:
        """The routing policy that applies."""
        request = rule_service_pb2.GetRoutingPolicyRequest(tenant=self._tenant)
        return (await self._call(self._rules.GetRoutingPolicy, request)).policy

    async def open_ticket(self, ticket: ticket_pb2.Ticket, *, request_id: str = "") -> ticket_pb2.Ticket:
        """Open a ticket; a second call of the same request gives the first one's."""
        request = ticket_service_pb2.OpenTicketRequest(
            tenant=self._tenant, request_id=request_id or uuid.uuid4().hex, ticket=ticket
        )
        return (await self._call(self._tickets.OpenTicket, request)).ticket

    async def update_ticket(self, ticket: ticket_pb2.Ticket, *, request_id: str = "") -> ticket_pb2.Ticket:
        """Change a ticket that was read; ABORTED where it changed meanwhile."""
        request = ticket_service_pb2.UpdateTicketRequest(
            tenant=self._tenant, request_id=request_id or uuid.uuid4().hex, ticket=ticket
        )
        return (await self._call(self._tickets.UpdateTicket, request)).ticket

    async def ticket(self, ticket_id: str) -> ticket_pb2.Ticket:
        """One ticket."""
        request = ticket_service_pb2.GetTicketRequest(tenant=self._tenant, ticket_id=ticket_id)
        return (await self._call(self._tickets.GetTicket, request)).ticket

    async def tickets(
        self, wanted: ticket_service_pb2.ListTicketsRequest | None = None, *, limit: int = 100
    ) -> Sequence[ticket_pb2.Ticket]:
        """The newest tickets that the request asks for, at most 1000; the tenant is filled in."""
        request = wanted or ticket_service_pb2.ListTicketsRequest()
        request.tenant, request.page_size = self._tenant, limit
        return (await self._call(self._tickets.ListTickets, request)).tickets

    async def delete_ticket(
        self, ticket_id: str, *, agent_id: str = "", reason: str = "", request_id: str = ""
    ) -> None:
        """Delete a ticket; that it was deleted, by whom and why stays in the journal."""
        request = ticket_service_pb2.DeleteTicketRequest(
            tenant=self._tenant,
            request_id=request_id or uuid.uuid4().hex,
            ticket_id=ticket_id,
            agent_id=agent_id,
            reason=reason,
        )
        await self._call(self._tickets.DeleteTicket, request)

    async def comment_ticket(
        self, ticket_id: str, comment: ticket_pb2.TicketComment, *, request_id: str = ""
    ) -> ticket_pb2.TicketComment:
        """Say something about a ticket."""
        request = ticket_service_pb2.CommentTicketRequest(
            tenant=self._tenant,
            request_id=request_id or uuid.uuid4().hex,
            ticket_id=ticket_id,
            comment=comment,
        )
        return (await self._call(self._tickets.CommentTicket, request)).comment

    async def ticket_comments(self, ticket_id: str) -> list[ticket_pb2.TicketComment]:
        """All that was said about a ticket, oldest first."""
        found: list[ticket_pb2.TicketComment] = []
        request = ticket_service_pb2.ListTicketCommentsRequest(
            tenant=self._tenant, ticket_id=ticket_id, page_size=_PAGE_SIZE
        )
        while True:
            page = await self._call(self._tickets.ListTicketComments, request)
            found.extend(page.comments)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    @cached_property
    def _rules(self) -> rule_service_pb2_grpc.RuleServiceAsyncStub:
        return rule_service_pb2_grpc.RuleServiceStub(self._channel)

    @cached_property
    def _tickets(self) -> ticket_service_pb2_grpc.TicketServiceAsyncStub:
        return ticket_service_pb2_grpc.TicketServiceStub(self._channel)

    async def _call(self, method: Callable[..., Awaitable[Response]], request: object) -> Response:
        raise NotImplementedError  # the client's
