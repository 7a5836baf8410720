"""What asynchronous handlers get: something that happened, and what one can do about it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Protocol

from yingda.bot.facts import AssignmentFacts, EscalationFacts, Facts, MessageFacts, TicketFacts
from yingda.v1 import (
    assignment_pb2,
    conversation_pb2,
    conversation_service_pb2,
    event_pb2,
    reply_pb2,
)


class Desk(Protocol):
    """Where a bot acts; `Client` is one, and `BotTester` has one without a server."""

    async def send_reply(
        self, request: conversation_service_pb2.SendReplyRequest
    ) -> conversation_service_pb2.SendReplyResponse:
        """Write to the customer."""
        ...

    async def transfer(
        self,
        conversation_id: str,
        *,
        agent_id: str = "",
        team: str = "",
        skill: str = "",
        request_id: str = "",
    ) -> conversation_service_pb2.TransferConversationResponse:
        """Give the conversation to another agent, team or skill."""
        ...

    async def close_conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """End it."""
        ...

    async def conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """As it stands now."""
        ...

    async def suggest(
        self, typed_text: str = "", *, conversation_id: str = "", language: str = "", limit: int = 3
    ) -> Sequence[reply_pb2.Suggestion]:
        """Ready replies."""
        ...


class Happening(Facts):
    """An event and the means to act on it.

    Replies and transfers are numbered through as the handler makes them, and the number with the event's own names
    each of them. So when the event is handled again, because the bot or the engine was killed, none is made twice.
    """

    def __init__(
        self, event: event_pb2.Event, desk: Desk, bot_id: str, numbers: Iterator[int] | None = None
    ) -> None:
        super().__init__(event)
        self._desk = desk
        self._bot_id = bot_id
        self._numbers = numbers or itertools.count(1)

    async def reply(
        self, text: str, *, suggestion: reply_pb2.Suggestion | None = None
    ) -> event_pb2.MessageSent:
        """Write this to the customer; name the suggestion it was made of, if it was."""
        request = conversation_service_pb2.SendReplyRequest(
            conversation_id=self.conversation_id,
            request_id=self._next_id(),
            text=text,
            bot_id=self._bot_id,
            reply_id=suggestion.reply_id if suggestion else "",
            in_reply_to_message_id=self.event.message_received.message.message_id,
        )
        return (await self._desk.send_reply(request)).message

    async def assign(
        self, *, skill: str = "", team: str = "", agent_id: str = ""
    ) -> assignment_pb2.Assignment:
        """Give the conversation to a skill, a team or an agent: name exactly one."""
        done = await self._desk.transfer(
            self.conversation_id, skill=skill, team=team, agent_id=agent_id, request_id=self._next_id()
        )
        return done.assignment

    async def close(self) -> None:
        """End the conversation."""
        await self._desk.close_conversation(self.conversation_id)

    async def conversation(self) -> conversation_pb2.Conversation:
        """As it stands now."""
        return await self._desk.conversation(self.conversation_id)

    async def suggest(self, typed_text: str = "", *, limit: int = 3) -> Sequence[reply_pb2.Suggestion]:
        """Ready replies for the conversation and, if given, for what one would begin to type."""
        return await self._desk.suggest(typed_text, conversation_id=self.conversation_id, limit=limit)

    def _next_id(self) -> str:
        return f"{self._bot_id}:{self.event.sequence}:{next(self._numbers)}"


class ChatMessage(MessageFacts, Happening):
    """A customer wrote."""

    async def reply_with(self, suggestion: reply_pb2.Suggestion) -> event_pb2.MessageSent:
        """Send a suggestion as it is. Raises: ValueError where a slot of it is not filled."""
        if suggestion.slots:
            raise ValueError(f"reply {suggestion.reply_id} has open slots: {', '.join(suggestion.slots)}")
        return await self.reply(suggestion.text, suggestion=suggestion)


class ChatAssignment(AssignmentFacts, Happening):
    """A human got, or is asked to take, a conversation."""


class ChatEscalation(EscalationFacts, Happening):
    """A human should look at a conversation."""


class ChatTicket(TicketFacts, Happening):
    """Something happened to a ticket."""
