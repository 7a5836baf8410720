"""Reads journals a page at a time, so that messages get their turn on the decision thread in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from engine.bots.store import Page
from engine.decision_thread import DecisionThread
from engine.domain import StoredEvent
from engine.errors import NotFoundError
from engine.ports import Store
from engine.timeline.entry import Commit

P = ParamSpec("P")
R = TypeVar("R")
_PAGE: Final = 64  # entries read at a time
_TENANTS_OWN: Final = ""  # the conversation under which stands what concerns the tenant as a whole


class JournalReader:
    """Used on the event loop."""

    def __init__(self, *, store: Store, thread: DecisionThread) -> None:
        self._store = store
        self._thread = thread

    async def on_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What it gives, called where state is read."""
        return await self._thread.run(work, *args, **kwargs)

    async def conversation(self, tenant: str, conversation_id: str) -> list[StoredEvent]:
        """A conversation's entries, in order, at least one. Raises: NotFoundError."""
        pages = [page async for page in self.pages(tenant, conversation_id)]
        return [one for page in pages for one in page]

    async def story(self, tenant: str, conversation_id: str) -> list[StoredEvent]:
        """The same with what concerned the tenant as a whole meanwhile and before: all that its state follows from."""
        own = await self.conversation(tenant, conversation_id)
        story = [*own]
        async for page in self._pages(tenant, _TENANTS_OWN):
            story += [one for one in page if one.sequence < own[-1].sequence]
            if page[-1].sequence > own[-1].sequence:
                break
        return sorted(story, key=lambda one: one.sequence)

    async def pages(
        self, tenant: str, conversation_id: str, after: int = 0
    ) -> AsyncIterator[Sequence[StoredEvent]]:
        """A conversation's entries above a sequence, page by page, none empty. Raises: NotFoundError."""
        async for page in self._pages(tenant, conversation_id, after):
            after = page[-1].sequence
            yield page
        if not after:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")

    async def entries(self, tenant: str, *, after: int = 0, kinds: Sequence[str] = ()) -> AsyncIterator[Page]:
        """The tenant's entries above a sequence, page by page; a page may be empty."""
        through = -1
        while through < after:
            through = after
            page = await self._thread.run(self._store.bots.journal, tenant, after, kinds, _PAGE)
            yield page
            after = page.through

    async def commits(self, tenant: str) -> AsyncIterator[Sequence[Commit]]:
        """The tenant's whole journal, commit by commit, as many at once as were read."""
        begun: list[StoredEvent] = []
        async for page in self.entries(tenant):
            whole: list[Commit] = []
            for one in page.events:
                if begun and one.commit != begun[0].commit:
                    whole.append(begun)
                    begun = []
                begun.append(one)
            yield whole
        yield [begun] if begun else []

    async def before(self, tenant: str, start_ms: int) -> int:
        """A sequence above which all stands that was written since; 0 at the journal's beginning."""
        low, high = 0, await self._thread.run(self._store.bots.last_sequence, tenant)
        while low < high:
            middle = (low + high) // 2
            page = await self._thread.run(self._store.bots.journal, tenant, middle, (), 1)
            if page.events and page.events[0].event.time_ms < start_ms:
                low = page.events[0].sequence
            else:
                high = middle
        return low

    async def _pages(
        self, tenant: str, conversation_id: str, after: int = 0
    ) -> AsyncIterator[Sequence[StoredEvent]]:
        while page := await self._thread.run(self._store.events, tenant, conversation_id, after, _PAGE):
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1].sequence
