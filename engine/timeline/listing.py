"""Pages of a journal by time and kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from engine.domain import StoredEvent
from engine.timeline.reader import JournalReader

_LOOKED: Final = 2000  # entries, about, that one page is looked for in
EVER: Final = 1 << 62  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries: of one conversation or ("") of all, from `start_ms` and before `end_ms`, of some kinds or all."""

    tenant: str
    conversation_id: str = ""
    start_ms: int = 0
    end_ms: int = EVER
    kinds: Collection[str] = ()


class Listing:
    """Used on the event loop."""

    def __init__(self, *, reader: JournalReader) -> None:
        self._reader = reader

    async def page(self, wanted: Wanted, after: int, size: int) -> tuple[list[StoredEvent], int]:
        """The next entries above a sequence, and the sequence to go on after, 0 at the end.

        A page looks through a bounded part of the journal, so it may be short though more follows.
        Raises: NotFoundError for a conversation without entries.
        """
        found: list[StoredEvent] = []
        looked = 0
        async for entries, through in self._pages(wanted, after):
            for one in entries:
                if one.event.time_ms >= wanted.end_ms:
                    return found, 0
                if one.event.time_ms < wanted.start_ms or (
                    wanted.kinds and one.event.kind not in wanted.kinds
                ):
                    continue
                if len(found) == size:
                    return found, found[-1].sequence
                found.append(one)
            looked += len(entries)
            if looked >= _LOOKED:
                return found, through
        return found, 0

    async def _pages(self, wanted: Wanted, after: int) -> AsyncIterator[tuple[Sequence[StoredEvent], int]]:
        if wanted.conversation_id:
            async for page in self._reader.pages(wanted.tenant, wanted.conversation_id, after):
                yield page, page[-1].sequence
            return
        if wanted.start_ms and not after:
            after = await self._reader.before(wanted.tenant, wanted.start_ms)
        async for found in self._reader.entries(wanted.tenant, after=after, kinds=list(wanted.kinds)):
            yield found.events, found.through
