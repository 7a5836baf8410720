"""Takes customers' words out: of one customer who wants it, and of all once they are old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from yingda.v1 import message_pb2

from engine.customer.activity import trail_id
from engine.customer.profile import Key
from engine.domain import Conversation, ConversationState, StoredEvent
from engine.errors import NotFoundError
from engine.ports import Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.lifecycle import Lifecycle
from engine.timeline import scrub
from engine.timeline.labels import USED
from engine.timeline.reader import JournalReader
from engine.timeline.traces import Person, Traces

P = ParamSpec("P")
R = TypeVar("R")
_PAGE: Final = 64  # entries rewritten at a time
_CONVERSATIONS: Final = 64  # of a customer that are gone through at a time
_TELLING: Final = 12  # bytes from which a text is looked for afterwards; shorter ones many people write
KIND: Final = "customer_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What was taken out. Of `texts` that were looked for in every byte of the store, `remaining` stand there still.

    `rewriting` names the servers that were told to write their files anew.
    """

    conversations: int
    entries: int
    texts: int
    remaining: int
    rewriting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What acts. `forget` makes all engines' memory of texts empty, `lose` forgets what waits for or is known of one.

    `unlearn` forgets what was learned from used suggestions.
    """

    store: Store
    codec: Codec
    dispatcher: Dispatcher
    lifecycle: Lifecycle
    reader: JournalReader
    forget: Callable[[], None]
    unlearn: Callable[[str, Sequence[StoredEvent]], None]
    lose: Callable[[Key], None]


class Privacy:
    """Used on the event loop; what it does on the decision thread is done a page at a time."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._store = hands.store
        self._traces = Traces(store=hands.store, run=self._run)

    async def delete(
        self, tenant: str, customer_id: str, channel: int = 0, *, rewrite_files: bool = False
    ) -> Deleted:
        """Take the customer's words out of everything, on one channel or all (0), and look whether they are gone.

        Conversations that go on are closed. With `rewrite_files` the store's servers write theirs anew.
        """
        channels = [channel] if channel else message_pb2.Channel.values()[1:]
        texts: dict[str, None] = {}
        names: list[str] = []
        entries = 0
        for one in channels:
            await self._run(self._hands.lose, Key(tenant=tenant, channel=one, customer_id=customer_id))
            entries += await self._clean(tenant, trail_id(one, customer_id), texts)
            while found := await self._run(self._store.of_customer, tenant, one, customer_id, _CONVERSATIONS):
                for conversation in found:
                    entries += await self._take_apart(tenant, conversation, texts)
                names += [other.conversation_id for other in found]
        who = Person(tenant=tenant, customer_id=customer_id, channels=channels, conversation_ids=set(names))
        texts.update(dict.fromkeys(await self._traces.clean(who)))
        await self._run(self._hands.forget)
        telling = [one for one in texts if len(one.encode()) >= _TELLING]
        remaining = await self._look(tenant, telling) if texts else 0
        rewriting = await self._run(self._store.archive.rewrite_files) if rewrite_files else ()
        return Deleted(
            conversations=len(names),
            entries=entries,
            texts=len(telling),
            remaining=remaining,
            rewriting=tuple(rewriting),
        )

    async def _take_apart(self, tenant: str, conversation: Conversation, texts: dict[str, None]) -> int:
        """End it, take its words out, and let it be nobody's; how many entries had some."""
        await self._run(self._end, tenant, conversation)
        entries = await self._clean(tenant, conversation.conversation_id, texts)
        await self._run(self._part, tenant, conversation.conversation_id)
        return entries

    async def _look(self, tenant: str, texts: Sequence[str]) -> int:
        """How many are still there; where it is any, the store is written anew first."""
        archive = self._store.archive
        await self._run(archive.settle)
        left = await asyncio.to_thread(archive.holds, tenant, texts)
        if any(left):
            await self._run(archive.compact)
            left = await asyncio.to_thread(archive.holds, tenant, texts)
        return sum(left)

    async def _clean(self, tenant: str, conversation_id: str, texts: dict[str, None]) -> int:
        """Rewrite the conversation's entries; how many were. What is taken out goes into `texts`."""
        try:
            found = await self._hands.reader.conversation(tenant, conversation_id)
        except NotFoundError:
            return 0
        self_said = [one for one in found if one.event.kind == USED]
        await self._run(self._hands.unlearn, tenant, self_said)
        texts.update(dict.fromkeys(text for one in found for text in scrub.texts(one)))
        return await self.rewrite(tenant, found)

    async def rewrite(self, tenant: str, found: Sequence[StoredEvent]) -> int:
        """Take the words out of these entries; how many had some."""
        payloads = {one.sequence: data for one in found if (data := scrub.scrubbed(one)) is not None}
        for page in _pages(list(payloads.items())):
            await self._run(self._store.archive.rewrite, tenant, dict(page))
        return len(payloads)

    def _end(self, tenant: str, conversation: Conversation) -> None:
        name = conversation.conversation_id
        if conversation.state is not ConversationState.CLOSED:
            conversation = self._hands.lifecycle.close(tenant, name)
        if conversation.state is ConversationState.WRAPPING:
            self._hands.lifecycle.complete(tenant, name)

    def _part(self, tenant: str, conversation_id: str) -> None:
        """Let the conversation be nobody's."""

        def attempt() -> bool | None:
            found = self._hands.dispatcher.stored(tenant, conversation_id)
            if not found.customer_id:
                return True
            draft = self._hands.dispatcher.draft(tenant)
            self._hands.dispatcher.record(draft, conversation_id, KIND, self._hands.codec.event(KIND))
            draft.touch(found, customer_id="")
            return self._hands.dispatcher.commit(draft) or None

        self._hands.dispatcher.until_committed(attempt)

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._hands.reader.on_thread(work, *args, **kwargs)


def _pages(items: Sequence[tuple[int, bytes]]) -> Iterator[Sequence[tuple[int, bytes]]]:
    for at in range(0, len(items), _PAGE):
        yield items[at : at + _PAGE]
