"""Which handlers there are, and which of them an event concerns."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from yingda.bot import facts
from yingda.bot.happening import (
    ChatAssignment,
    ChatEscalation,
    ChatMessage,
    ChatTicket,
    Desk,
    Happening,
)
from yingda.bot.sync_happening import (
    SyncChatAssignment,
    SyncChatEscalation,
    SyncChatMessage,
    SyncChatTicket,
    SyncHappening,
)
from yingda.v1 import event_pb2

FailureHandler = Callable[[event_pb2.Event, Exception], object]
Handler = Callable[[Any], object]  # what it takes hangs on the decorator, and on whether it is asynchronous


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Something handlers can wait for: kinds of events, when one counts, and what handlers get of it."""

    kinds: Sequence[str]
    counts: Callable[[event_pb2.Event], bool]
    made: Callable[[event_pb2.Event, Desk, str, Iterator[int]], Happening]
    made_sync: Callable[[Any, asyncio.AbstractEventLoop], SyncHappening[Any]]


def _always(_: event_pb2.Event) -> bool:
    return True


MESSAGE = Occasion(kinds=("message_received",), counts=_always, made=ChatMessage, made_sync=SyncChatMessage)
ASSIGNMENT = Occasion(
    kinds=("message_received", "conversation_assigned"),
    counts=facts.is_assignment,
    made=ChatAssignment,
    made_sync=SyncChatAssignment,
)
ESCALATION = Occasion(
    kinds=("conversation_escalated", "mood_changed", "requirement_relaxed"),
    counts=facts.is_escalation,
    made=ChatEscalation,
    made_sync=SyncChatEscalation,
)
TICKET = Occasion(
    kinds=("ticket_opened", "ticket_changed", "ticket_commented"),
    counts=_always,
    made=ChatTicket,
    made_sync=SyncChatTicket,
)


@dataclass(slots=True)
class Handlers:
    """In the order they were named. `plain` wait for events of a kind, as they are."""

    waiting: defaultdict[Occasion, list[Handler]] = field(default_factory=lambda: defaultdict(list))
    plain: defaultdict[str, list[Handler]] = field(default_factory=lambda: defaultdict(list))

    def kinds(self) -> list[str]:
        """The kinds of events that some handler waits for."""
        of_occasions = (kind for occasion in self.waiting for kind in occasion.kinds)
        return sorted({*of_occasions, *self.plain})

    async def handle(self, event: event_pb2.Event, desk: Desk, bot_id: str) -> None:
        """Call all handlers that the event concerns, one after the other. Raises: what a handler raises."""
        kind = event.WhichOneof("kind") or ""
        numbers = itertools.count(1)
        for occasion, handlers in self.waiting.items():
            if kind in occasion.kinds and occasion.counts(event):
                happening = occasion.made(event, desk, bot_id, numbers)
                for handler in handlers:
                    await _call(handler, happening, occasion)
        for handler in self.plain.get(kind, ()):
            await _call_plain(handler, event)


async def _call(handler: Handler, happening: Happening, occasion: Occasion) -> None:
    if inspect.iscoroutinefunction(handler):
        await handler(happening)
        return
    view = occasion.made_sync(happening, asyncio.get_running_loop())
    await asyncio.to_thread(handler, view)


async def _call_plain(handler: Handler, event: event_pb2.Event) -> None:
    if inspect.iscoroutinefunction(handler):
        await handler(event)
    else:
        await asyncio.to_thread(handler, event)
