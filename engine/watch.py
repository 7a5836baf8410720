"""Tells agents' consoles what concerns them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from engine.customer.profile import Key
from engine.domain import Conversation

K = TypeVar("K", bound=Hashable)
MAX_BEHIND = 1000  # conversations a console may be behind before it is cut off and has to come again


@dataclass(slots=True, eq=False)
class Console:
    """Where an agent watches from. `changes` holds what is to be shown; None: too far behind, nothing follows."""

    tenant: str
    changes: asyncio.Queue[Conversation | None] = field(default_factory=asyncio.Queue)
    shown: dict[str, Conversation] = field(default_factory=dict)  # what concerns the agent, as told last
    is_open: bool = True


class Watch:
    """Hands committed changes to whoever watches the agent; made on the event loop that serves the consoles."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._of_agent: defaultdict[tuple[str, str], set[Console]] = defaultdict(set)
        self._showing: defaultdict[tuple[str, str], set[Console]] = defaultdict(set)
        self._seeing: defaultdict[Key, set[Console]] = defaultdict(set)

    def publish(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        """From any thread: a commit changed these."""
        if self._of_agent:
            self._loop.call_soon_threadsafe(self._deliver, tenant, conversations)

    @contextmanager
    def watching(self, tenant: str, agent_id: str) -> Iterator[Console]:
        """Every change that concerns the agent from now on."""
        console = Console(tenant)
        self._of_agent[tenant, agent_id].add(console)
        try:
            yield console
        finally:
            console.is_open = False
            _discard(self._of_agent, (tenant, agent_id), console)
            for conversation in list(console.shown.values()):
                self._forget(console, conversation)

    def begin(self, console: Console, held: Sequence[Conversation]) -> None:
        """From the thread that read what concerns the agent: hear also when one of these is taken away."""
        # The loop keeps the order, so whatever is published after this finds the console prepared.
        self._loop.call_soon_threadsafe(self._show, console, held)

    def tell_of(self, customer: Key) -> None:
        """On the event loop: more is known of a customer; consoles that see their conversations see them again."""
        for console in self._seeing.get(customer, ()):
            for conversation in console.shown.values():
                if _customer(console.tenant, conversation) == customer:
                    _put(console, conversation)

    def _show(self, console: Console, conversations: Sequence[Conversation]) -> None:
        for conversation in conversations if console.is_open else ():
            console.shown[conversation.conversation_id] = conversation
            self._seeing[_customer(console.tenant, conversation)].add(console)
            self._showing[console.tenant, conversation.conversation_id].add(console)

    def _deliver(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        for conversation in conversations:
            concerned = self._concerned(tenant, conversation)
            for console in concerned | self._showing.get((tenant, conversation.conversation_id), set()):
                if console in concerned:
                    self._show(console, [conversation])
                else:
                    self._forget(console, conversation)
                _put(console, conversation)

    def _concerned(self, tenant: str, conversation: Conversation) -> set[Console]:
        """The consoles of the owner and of those who take part."""
        agents = {conversation.agent_id, *conversation.participants}
        return {console for one in agents for console in self._of_agent.get((tenant, one), ())}

    def _forget(self, console: Console, conversation: Conversation) -> None:
        console.shown.pop(conversation.conversation_id, None)
        _discard(self._showing, (console.tenant, conversation.conversation_id), console)
        customer = _customer(console.tenant, conversation)
        if not any(_customer(console.tenant, one) == customer for one in console.shown.values()):
            _discard(self._seeing, customer, console)


def _customer(tenant: str, conversation: Conversation) -> Key:
    return Key(tenant=tenant, channel=conversation.channel, customer_id=conversation.customer_id)


def _put(console: Console, conversation: Conversation) -> None:
    behind = console.changes.qsize()
    if behind <= MAX_BEHIND:
        console.changes.put_nowait(conversation if behind < MAX_BEHIND else None)


def _discard(consoles: defaultdict[K, set[Console]], key: K, console: Console) -> None:
    consoles[key].discard(console)
    if not consoles[key]:
        del consoles[key]
