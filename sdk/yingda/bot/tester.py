"""Tests a bot without a server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from yingda.bot.fake_desk import PREFIX, FakeDesk, Transfer, assignment
from yingda.bot.handlers import Handlers
from yingda.v1 import (
    analysis_pb2,
    answer_pb2,
    event_pb2,
    message_pb2,
    reply_pb2,
    ticket_pb2,
)


class BotTester:
    """Hands a bot's handlers what a test says, and keeps what they do.

    What a handler raises is raised here, at once. A test without asyncio has `say`, and `asyncio.run` for the rest.
    """

    def __init__(self, handlers: Handlers, bot_id: str) -> None:
        self._handlers = handlers
        self._bot_id = bot_id
        self._sequences = itertools.count(1)
        self._desk = FakeDesk()

    @property
    def replies(self) -> list[event_pb2.MessageSent]:
        """All that was written to customers, in order."""
        return list(self._desk.sent.values())

    @property
    def transfers(self) -> list[Transfer]:
        """All that was given on, in order."""
        return list(self._desk.given.values())

    @property
    def closed(self) -> list[str]:
        """The conversations that were ended, in order."""
        return self._desk.closed

    def suggest(self, *suggestions: reply_pb2.Suggestion) -> None:
        """Let the bot's own calls of `suggest` give these from now on."""
        self._desk.suggestions = suggestions

    async def send(
        self,
        text: str,
        *,
        customer_id: str = "customer",
        intent: str = "",
        agent_id: str = "",
        metadata: Mapping[str, str] | None = None,
        suggestions: Sequence[reply_pb2.Suggestion] = (),
    ) -> list[str]:
        """A customer writes; what the bot replies.

        `intent` is what the engine is to have read with certainty, `agent_id` who is to have the conversation.
        """
        message = message_pb2.Message(
            channel=message_pb2.CHANNEL_WEB, customer_id=customer_id, text=text, metadata=metadata or {}
        )
        answer = answer_pb2.MessageAnswer(
            analysis=analysis_pb2.Analysis(intent=intent, confidence=1.0),
            assignment=assignment(agent_id),
            suggestions=suggestions,
        )
        return await self.receive(event_pb2.MessageReceived(message=message, answer=answer))

    async def receive(self, received: event_pb2.MessageReceived) -> list[str]:
        """The same with everything one can say; a message without an id gets one."""
        before = len(self._desk.sent)
        customer_id = received.message.customer_id
        event = self._event(customer_id, message_received=received)
        known = event.message_received
        known.message.message_id = known.message.message_id or f"m{event.sequence}"
        known.answer.conversation_id = event.conversation_id
        await self.happen(event)
        return [one.text for one in self.replies[before:]]

    def say(self, text: str, *, customer_id: str = "customer", intent: str = "") -> list[str]:
        """As `send`, for tests without asyncio."""
        return asyncio.run(self.send(text, customer_id=customer_id, intent=intent))

    async def assign(self, agent_id: str, *, customer_id: str = "customer") -> None:
        """A human gets the customer's conversation after it waited."""
        assigned = event_pb2.ConversationAssigned(assignment=assignment(agent_id))
        await self.happen(self._event(customer_id, conversation_assigned=assigned))

    async def escalate(self, *, team: str = "", agent_id: str = "", customer_id: str = "customer") -> None:
        """A rule calls a supervisor."""
        escalated = event_pb2.ConversationEscalated(team=team, agent_id=agent_id)
        await self.happen(self._event(customer_id, conversation_escalated=escalated))

    async def anger(self, *, customer_id: str = "customer") -> None:
        """The customer becomes angry."""
        mood = event_pb2.MoodChanged(is_angry=True, anger=1.0)
        await self.happen(self._event(customer_id, mood_changed=mood))

    async def open_ticket(self, ticket: ticket_pb2.Ticket, *, customer_id: str = "customer") -> None:
        """A ticket is opened."""
        opened = event_pb2.TicketOpened(ticket=ticket)
        await self.happen(self._event(customer_id, ticket_opened=opened))

    async def happen(self, event: event_pb2.Event) -> None:
        """Anything at all; the same event twice is what a bot gets that was killed in between."""
        await self._handlers.handle(event, self._desk, self._bot_id)

    def _event(self, customer_id: str, **kind: Any) -> event_pb2.Event:  # noqa: ANN401
        return event_pb2.Event(
            sequence=next(self._sequences), conversation_id=f"{PREFIX}{customer_id}", **kind
        )
