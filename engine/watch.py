"""Tells agents' consoles what concerns them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.domain import Conversation

MAX_BEHIND = 1000  # conversations a console may be behind before it is cut off and has to come again

Changes = asyncio.Queue[Conversation | None]  # None: the reader is too far behind, nothing more follows


class Watch:
    """Hands committed changes to whoever watches the agent; made on the event loop that serves the consoles."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queues: defaultdict[tuple[str, str], set[Changes]] = defaultdict(set)

    def publish(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        """From any thread: a commit changed these."""
        if self._queues:
            self._loop.call_soon_threadsafe(self._deliver, tenant, conversations)

    @contextmanager
    def watching(self, tenant: str, agent_id: str) -> Iterator[Changes]:
        """Every change that concerns the agent from now on."""
        changes: Changes = asyncio.Queue()
        watchers = self._queues[tenant, agent_id]
        watchers.add(changes)
        try:
            yield changes
        finally:
            watchers.discard(changes)
            if not watchers:
                self._queues.pop((tenant, agent_id), None)

    def _deliver(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        for conversation in conversations:
            for agent_id in _concerned(conversation):
                for queue in self._queues.get((tenant, agent_id), ()):
                    if queue.qsize() <= MAX_BEHIND:
                        queue.put_nowait(conversation if queue.qsize() < MAX_BEHIND else None)


def _concerned(conversation: Conversation) -> set[str]:
    """The owner, who owned it before or declined it, and who takes part."""
    concerned = {conversation.agent_id, conversation.last_agent_id, *conversation.declined[-1:]}
    return (concerned | set(conversation.participants)) - {""}
