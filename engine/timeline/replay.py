"""A conversation once more: each entry with where the conversation stood after it, at the pace it happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.domain import Conversation, StoredEvent
from engine.errors import NotFoundError
from engine.timeline.entry import commits
from engine.timeline.past import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One entry; `conversation` is None where it began before the journal does. `elapsed_ms` since its first entry."""

    entry: StoredEvent
    conversation: Conversation | None
    elapsed_ms: int


def scenes(tenant: str, conversation_id: str, story: Iterable[StoredEvent]) -> Iterator[Scene]:
    """From the conversation's entries and those of the tenant as a whole, in order."""
    past = Past(tenant)
    first_ms: int | None = None
    for commit in commits(story):
        past.apply(commit)
        for one in commit:
            if one.event.conversation_id == conversation_id:
                first_ms = one.event.time_ms if first_ms is None else first_ms
                yield Scene(
                    entry=one,
                    conversation=past.conversations.get(conversation_id),
                    elapsed_ms=one.event.time_ms - first_ms,
                )


def state_at(tenant: str, conversation_id: str, story: Iterable[StoredEvent], moment_ms: int) -> Conversation:
    """The conversation as it stood at a moment. Raises: NotFoundError where it was not open yet."""
    past = Past(tenant)
    for commit in commits(story):
        if commit[0].event.time_ms <= moment_ms:
            past.apply(commit)
    if conversation_id not in past.conversations:
        raise NotFoundError(f"conversation {conversation_id} was not open at that moment")
    return past.conversations[conversation_id]


async def paced(
    shown: Sequence[Scene], *, speed: float, max_pause_ms: int | None = None
) -> AsyncIterator[Scene]:
    """The scenes at so many times their own speed, without waiting where that is 0."""
    loop = asyncio.get_running_loop()
    due, before_ms = loop.time(), shown[0].elapsed_ms if shown else 0
    for scene in shown:
        pause_ms = scene.elapsed_ms - before_ms
        if max_pause_ms is not None:
            pause_ms = min(pause_ms, max_pause_ms)
        before_ms = scene.elapsed_ms
        if speed and pause_ms > 0:
            due += pause_ms / 1000 / speed
            await asyncio.sleep(max(due - loop.time(), 0))
        yield scene
