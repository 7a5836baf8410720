"""A desk without a server: it keeps what a bot does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yingda.v1 import (
    assignment_pb2,
    conversation_pb2,
    conversation_service_pb2,
    event_pb2,
    reply_pb2,
)

PREFIX = "c-"  # of a conversation's id; the customer's follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a bot asked for with `assign`: one of the three is not ""."""

    conversation_id: str
    skill: str = ""
    team: str = ""
    agent_id: str = ""


class FakeDesk:
    """See `happening.Desk`."""

    def __init__(self) -> None:
        self.sent: dict[str, event_pb2.MessageSent] = {}
        self.given: dict[str, Transfer] = {}
        self.closed: list[str] = []
        self.suggestions: Sequence[reply_pb2.Suggestion] = ()

    async def send_reply(
        self, request: conversation_service_pb2.SendReplyRequest
    ) -> conversation_service_pb2.SendReplyResponse:
        """See `happening.Desk`."""
        duplicate = request.request_id in self.sent
        sent = self.sent.setdefault(
            request.request_id,
            event_pb2.MessageSent(
                message_id=f"reply:{request.request_id}",
                text=request.text,
                bot_id=request.bot_id,
                reply_id=request.reply_id,
                in_reply_to_message_id=request.in_reply_to_message_id,
                customer_id=request.conversation_id.removeprefix(PREFIX),
            ),
        )
        return conversation_service_pb2.SendReplyResponse(message=sent, duplicate=duplicate)

    async def transfer(
        self,
        conversation_id: str,
        *,
        agent_id: str = "",
        team: str = "",
        skill: str = "",
        request_id: str = "",
    ) -> conversation_service_pb2.TransferConversationResponse:
        """See `happening.Desk`."""
        if sum(map(bool, (agent_id, team, skill))) != 1:
            raise ValueError("name exactly one of agent_id, team and skill")
        given = Transfer(conversation_id=conversation_id, agent_id=agent_id, team=team, skill=skill)
        self.given.setdefault(request_id, given)
        return conversation_service_pb2.TransferConversationResponse(
            conversation=await self.conversation(conversation_id), assignment=assignment(agent_id, skill)
        )

    async def close_conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """See `happening.Desk`."""
        self.closed.append(conversation_id)
        return await self.conversation(conversation_id)

    async def conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """See `happening.Desk`."""
        state = (
            conversation_pb2.CONVERSATION_STATE_CLOSED
            if conversation_id in self.closed
            else conversation_pb2.CONVERSATION_STATE_WAITING
        )
        customer_id = conversation_id.removeprefix(PREFIX)
        return conversation_pb2.Conversation(
            conversation_id=conversation_id, customer_id=customer_id, state=state
        )

    async def suggest(
        self, typed_text: str = "", *, conversation_id: str = "", language: str = "", limit: int = 3
    ) -> Sequence[reply_pb2.Suggestion]:
        """See `happening.Desk`."""
        return self.suggestions[:limit]


def assignment(agent_id: str, skill: str = "") -> assignment_pb2.Assignment:
    """To this agent, or to nobody yet."""
    outcome = (
        assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED if agent_id else assignment_pb2.ASSIGNMENT_OUTCOME_QUEUED
    )
    return assignment_pb2.Assignment(outcome=outcome, agent_id=agent_id, skill=skill)
