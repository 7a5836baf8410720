"""TicketService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import ticket_service_pb2 as pb
from yingda.v1.ticket_service_pb2_grpc import TicketServiceServicer

from engine.decision_thread import DecisionThread
from engine.servicers import check, convert_ticket
from engine.servicers.position import position_of, token_of
from engine.workflow.desk import TicketDesk
from engine.workflow.ticket import TicketFilter

Context = grpc.aio.ServicerContext[Any, Any]
MAX_ID = 128  # bytes
MAX_REASON = 500  # bytes


class TicketServicer(TicketServiceServicer):
    """What has to be done after a conversation."""

    def __init__(self, *, desk: TicketDesk, thread: DecisionThread) -> None:
        self._desk = desk
        self._thread = thread

    async def OpenTicket(self, request: pb.OpenTicketRequest, context: Context) -> pb.OpenTicketResponse:
        """See ticket_service.proto."""
        check.filled("request_id", request.request_id, MAX_ID)
        ticket = convert_ticket.ticket_from_proto(request.ticket)
        opened = await self._thread.run(self._desk.open, request.tenant, request.request_id, ticket)
        return pb.OpenTicketResponse(ticket=convert_ticket.ticket_to_proto(opened))

    async def UpdateTicket(
        self, request: pb.UpdateTicketRequest, context: Context
    ) -> pb.UpdateTicketResponse:
        """See ticket_service.proto."""
        check.filled("request_id", request.request_id, MAX_ID)
        check.filled("ticket.ticket_id", request.ticket.ticket_id, check.MAX_NAME)
        wanted = convert_ticket.ticket_from_proto(request.ticket)
        changed = await self._thread.run(self._desk.update, request.tenant, request.request_id, wanted)
        return pb.UpdateTicketResponse(ticket=convert_ticket.ticket_to_proto(changed))

    async def GetTicket(self, request: pb.GetTicketRequest, context: Context) -> pb.GetTicketResponse:
        """See ticket_service.proto."""
        found = await self._thread.run(self._desk.ticket, request.tenant, request.ticket_id)
        return pb.GetTicketResponse(ticket=convert_ticket.ticket_to_proto(found))

    async def ListTickets(self, request: pb.ListTicketsRequest, context: Context) -> pb.ListTicketsResponse:
        """See ticket_service.proto."""
        size = check.page_size(request.page_size)
        wanted = self._filter(request)
        before = position_of(request.page_token)
        found = await self._thread.run(self._desk.tickets, request.tenant, wanted, before, size + 1)
        page = found[:size]
        token = token_of(page[-1].opened_ms, page[-1].ticket_id) if len(found) > size else ""
        return pb.ListTicketsResponse(
            tickets=[convert_ticket.ticket_to_proto(one) for one in page], next_page_token=token
        )

    async def DeleteTicket(
        self, request: pb.DeleteTicketRequest, context: Context
    ) -> pb.DeleteTicketResponse:
        """See ticket_service.proto."""
        check.filled("request_id", request.request_id, MAX_ID)
        check.filled("ticket_id", request.ticket_id, check.MAX_NAME)
        check.at_most("agent_id", request.agent_id, check.MAX_NAME)
        check.at_most("reason", request.reason, MAX_REASON)
        told = request.ticket_id, request.agent_id, request.reason
        await self._thread.run(self._desk.delete, request.tenant, request.request_id, *told)
        return pb.DeleteTicketResponse()

    async def CommentTicket(
        self, request: pb.CommentTicketRequest, context: Context
    ) -> pb.CommentTicketResponse:
        """See ticket_service.proto."""
        check.filled("request_id", request.request_id, MAX_ID)
        comment = convert_ticket.comment_from_proto(request.ticket_id, request.comment)
        said = await self._thread.run(self._desk.comment, request.tenant, request.request_id, comment)
        return pb.CommentTicketResponse(comment=convert_ticket.comment_to_proto(said))

    async def ListTicketComments(
        self, request: pb.ListTicketCommentsRequest, context: Context
    ) -> pb.ListTicketCommentsResponse:
        """See ticket_service.proto."""
        size = check.page_size(request.page_size)
        after = check.page_number(request.page_token)
        found = await self._thread.run(
            self._desk.comments, request.tenant, request.ticket_id, after, size + 1
        )
        page = [convert_ticket.comment_to_proto(one) for one in found[:size]]
        token = str(page[-1].number) if len(found) > size else ""
        return pb.ListTicketCommentsResponse(comments=page, next_page_token=token)

    def _filter(self, request: pb.ListTicketsRequest) -> TicketFilter:
        check.at_most("assignee_id", request.assignee_id, check.MAX_NAME)
        check.at_most("conversation_id", request.conversation_id, MAX_ID)
        return TicketFilter(
            state=convert_ticket.state_from_proto(request.state),
            assignee_id=request.assignee_id,
            conversation_id=request.conversation_id,
            overdue_ms=self._desk.now_ms() if request.overdue else 0,
        )
