"""The same for handlers that are plain functions: they run in a thread and wait for what they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Generic, TypeVar

from yingda.bot.facts import AssignmentFacts, EscalationFacts, Facts, MessageFacts, TicketFacts
from yingda.bot.happening import (
    ChatAssignment,
    ChatEscalation,
    ChatMessage,
    ChatTicket,
    Happening,
)
from yingda.v1 import assignment_pb2, conversation_pb2, event_pb2, reply_pb2

H = TypeVar("H", bound=Happening)
R = TypeVar("R")


class SyncHappening(Facts, Generic[H]):
    """See `Happening`; not to be used on the bot's own thread."""

    def __init__(self, inner: H, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(inner.event)
        self._inner = inner
        self._loop = loop

    def reply(self, text: str, *, suggestion: reply_pb2.Suggestion | None = None) -> event_pb2.MessageSent:
        """See `Happening.reply`."""
        return self._wait(self._inner.reply(text, suggestion=suggestion))

    def assign(self, *, skill: str = "", team: str = "", agent_id: str = "") -> assignment_pb2.Assignment:
        """See `Happening.assign`."""
        return self._wait(self._inner.assign(skill=skill, team=team, agent_id=agent_id))

    def close(self) -> None:
        """End the conversation."""
        self._wait(self._inner.close())

    def conversation(self) -> conversation_pb2.Conversation:
        """As it stands now."""
        return self._wait(self._inner.conversation())

    def suggest(self, typed_text: str = "", *, limit: int = 3) -> Sequence[reply_pb2.Suggestion]:
        """See `Happening.suggest`."""
        return self._wait(self._inner.suggest(typed_text, limit=limit))

    def _wait(self, awaitable: Awaitable[R]) -> R:
        async def wait() -> R:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()


class SyncChatMessage(MessageFacts, SyncHappening[ChatMessage]):
    """See `ChatMessage`."""

    def reply_with(self, suggestion: reply_pb2.Suggestion) -> event_pb2.MessageSent:
        """See `ChatMessage.reply_with`."""
        return self._wait(self._inner.reply_with(suggestion))


class SyncChatAssignment(AssignmentFacts, SyncHappening[ChatAssignment]):
    """See `ChatAssignment`."""


class SyncChatEscalation(EscalationFacts, SyncHappening[ChatEscalation]):
    """See `ChatEscalation`."""


class SyncChatTicket(TicketFacts, SyncHappening[ChatTicket]):
    """See `ChatTicket`."""
