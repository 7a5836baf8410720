"""What agents' deeds say about messages: labelled rows, for training."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from yingda.v1 import event_pb2

from engine.domain import StoredEvent
from engine.errors import NotFoundError
from engine.timeline import entry
from engine.timeline.entry import MESSAGE
from engine.timeline.labels import LABELLED, USED
from engine.timeline.listing import EVER
from engine.timeline.reader import JournalReader

TRANSFERRED: Final = "conversation_transferred"
KINDS: Final = (MESSAGE, LABELLED, USED, TRANSFERRED)
_REMEMBERED: Final = 10_000  # conversations whose last message is at hand; of others it is read again
_SKILL: Final = "skill:"

Redact = Callable[[str], str]
Received = event_pb2.MessageReceived


class Source(StrEnum):
    """How a label came about."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    REPLY_ACCEPTED = "reply_accepted"
    REPLY_EDITED = "reply_edited"
    TRANSFERRED = "transferred"


SAID: Final = frozenset({Source.CONFIRMED, Source.CORRECTED})
# What a row is worth beside one that somebody labelled. Weak labels are right more often than not, no more.
WEIGHTS: Final[Mapping[Source, float]] = {
    Source.CONFIRMED: 1.0,
    Source.CORRECTED: 1.0,
    Source.REPLY_ACCEPTED: 0.5,
    Source.REPLY_EDITED: 0.5,  # times what the edit left of the reply
    Source.TRANSFERRED: 0.3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A message and what it is about: its intent, or only the skill that it took ("" where it is not known)."""

    received: Received
    text: str
    intent: str = ""
    skill: str = ""
    source: Source
    weight: float
    group: str
    entry: StoredEvent


class FeedbackExport:
    """Used on the event loop. `intents` gives the intents of a tenant's replies, by id."""

    def __init__(
        self,
        *,
        reader: JournalReader,
        redact: Redact,
        intents: Callable[[str], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._reader = reader
        self._redact = redact
        self._intents = intents

    async def rows(self, tenant: str, start_ms: int = 0, end_ms: int = EVER) -> AsyncIterator[Sequence[Row]]:
        """What was said and done from a moment on and before another, oldest first; a page may be empty."""
        messages = _Messages(self._reader, tenant)
        intents = await self._intents(tenant)
        after = await self._reader.before(tenant, start_ms) if start_ms else 0
        async for page in self._reader.entries(tenant, after=after, kinds=KINDS):
            found: list[Row] = []
            for one in page.events:
                if one.event.time_ms >= end_ms:
                    break
                if one.event.kind == MESSAGE:
                    messages.hear(one)
                elif one.event.time_ms >= start_ms and one.event.conversation_id:
                    found += await self._learned(messages, one, intents)
            yield [row for row in found if row.text.strip()]
            if page.events and page.events[-1].event.time_ms >= end_ms:
                return

    async def _learned(
        self, messages: _Messages, one: StoredEvent, intents: Mapping[str, str]
    ) -> Sequence[Row]:
        told = entry.payload(one)
        if one.event.kind == LABELLED:
            source = Source.CONFIRMED if told.intent == told.read_intent else Source.CORRECTED
            received = await messages.named(one, told.message_id)
            return self._row(received, one, source, intent=told.intent)
        received = await messages.last(one)
        if one.event.kind == TRANSFERRED:
            skill = told.target.removeprefix(_SKILL) if told.target.startswith(_SKILL) else ""
            read = received.answer.analysis.skill if received else ""
            return self._row(received, one, Source.TRANSFERRED, skill=skill if skill != read else "")
        edited = told.outcome == "edited"
        source = Source.REPLY_EDITED if edited else Source.REPLY_ACCEPTED
        intent = intents.get(told.reply_id, "") if told.outcome != "ignored" else ""
        return self._row(received, one, source, intent=intent, worth=told.reward if edited else 1.0)

    def _row(
        self, received: Received | None, one: StoredEvent, source: Source, *, worth: float = 1.0, **label: str
    ) -> Sequence[Row]:
        if received is None or not any(label.values()) or not worth:
            return []
        return [
            Row(
                received=received,
                text=self._redact(received.message.text),
                source=source,
                weight=WEIGHTS[source] * worth,
                group=_hashed(one.event.conversation_id),
                entry=one,
                **label,
            )
        ]


class _Messages:
    """The messages that labels are of."""

    def __init__(self, reader: JournalReader, tenant: str) -> None:
        self._reader = reader
        self._tenant = tenant
        self._last: OrderedDict[str, StoredEvent] = OrderedDict()

    def hear(self, one: StoredEvent) -> None:
        """It is its conversation's last one now."""
        name = one.event.conversation_id
        self._last[name] = one
        self._last.move_to_end(name)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def last(self, before: StoredEvent) -> Received | None:
        """The conversation's last one at that entry."""
        if known := self._last.get(before.event.conversation_id):
            return _received(known)
        found = [one for one in await self._of(before) if one.sequence < before.sequence]
        return _received(found[-1]) if found else None

    async def named(self, before: StoredEvent, message_id: str) -> Received | None:
        """The conversation's message of that id."""
        known = self._last.get(before.event.conversation_id)
        if known and _received(known).message.message_id == message_id:
            return _received(known)
        of_conversation = map(_received, await self._of(before))
        return next((one for one in of_conversation if one.message.message_id == message_id), None)

    async def _of(self, one: StoredEvent) -> list[StoredEvent]:
        try:
            found = await self._reader.conversation(self._tenant, one.event.conversation_id)
        except NotFoundError:  # it was taken out meanwhile
            return []
        return [other for other in found if other.event.kind == MESSAGE]


def _received(one: StoredEvent) -> Received:
    return Received.FromString(one.event.data)


def _hashed(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
