"""What the assist keeps in the shared store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.domain import MESSAGE, Reply, StoredEvent
from engine.errors import ContentionError, NotFoundError
from engine.ports import LEARNED, RECEIPTS_KEPT, REPLIES
from engine.stores import detail
from engine.stores import redis_rows as rows
from engine.stores.redis_client import RedisClient

_PAGE = 16  # events of a conversation that are looked through at a time


class Write(Protocol):
    """Calls a function that writes, with what makes it safe to send again."""

    def __call__(self, name: str, tenant: str, *arguments: object) -> Any:  # noqa: ANN401
        """What it gives. Raises: StorageError."""
        ...


@dataclass(slots=True)
class _Seen:
    """What this engine saw of a tenant, by kind. A mark names the write that changed the kind last."""

    marks: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def follow(self, kind: str, before: str, after: str) -> None:
        """This engine wrote; where another one wrote since the last look, the next look shall find it."""
        if self.marks.get(kind, "") == before:
            self.marks[kind] = after

    def look(self, marks: Mapping[str, str]) -> Mapping[str, int]:
        """The versions, those raised whose mark is not the one known."""
        for kind in self.marks.keys() | marks.keys():
            if self.marks.get(kind) != marks.get(kind):
                self.versions[kind] = self.versions.get(kind, 0) + 1
        self.marks = dict(marks)
        return self.versions


class RedisAssistStore:
    """See `ports.AssistStore`. Shares the store's connection, and its one thread."""

    def __init__(self, client: RedisClient, write: Write, confirm: Callable[[Sequence[str]], None]) -> None:
        self._client = client
        self._call = write
        self._confirm = confirm  # waits for the replicas of tenants, by prefix
        self._seen: dict[str, _Seen] = {}

    def versions(self, tenant: str) -> Mapping[str, int]:
        """See `ports.SharedStore`."""
        found = self._client.call("HGETALL", f"{rows.prefix_of(tenant)}:assist")
        return self._of(tenant).look({kind.decode(): mark.decode() for kind, mark in found.items()})

    def replies(self, tenant: str) -> list[Reply]:
        """See `ports.ReplyStore`."""
        found = self._client.call("HGETALL", f"{rows.prefix_of(tenant)}:replies")
        return sorted(map(detail.reply, found.values()), key=lambda one: one.reply_id)

    def put_replies(self, tenant: str, replies: Sequence[Reply]) -> None:
        """See `ports.ReplyStore`."""
        if replies:
            self._write(REPLIES, "put_replies", tenant, *_flat(replies))

    def delete_reply(self, tenant: str, reply_id: str, request_id: str, now_ms: int) -> None:
        """See `ports.ReplyStore`."""
        if self._write(REPLIES, "delete_reply", tenant, reply_id, request_id, RECEIPTS_KEPT):
            return
        if not request_id or self._receipt(tenant, f"delete:{request_id}") is None:
            raise NotFoundError(f"tenant {tenant} has no reply {reply_id}")

    def seed(self, tenant: str, replies: Sequence[Reply]) -> bool:
        """See `ports.ReplyStore`."""
        return self._write(REPLIES, "seed", tenant, *_flat(replies))

    def recent_records(self, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
        """See `ports.ReplyStore`."""
        if conversation_id:
            return last_records(self._client, tenant, conversation_id, limit)
        found = self._client.read("recent", rows.prefix_of(tenant), limit)
        return [rows.stored_event("", value).event.data for value in found]

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """See `ports.FeedbackStore`."""
        found = self._client.call("HGETALL", f"{rows.prefix_of(tenant)}:documents:{kind}")
        return {key.decode(): data for key, data in found.items()}

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """See `ports.FeedbackStore`."""
        self._write(kind, "put_document", tenant, kind, key, data)

    def delete_document(self, tenant: str, kind: str, key: str) -> bool:
        """See `ports.FeedbackStore`."""
        return self._write(kind, "delete_document", tenant, kind, key)

    def commit_feedback(
        self, tenant: str, request_id: str, receipt: bytes, documents: Mapping[str, bytes], now_ms: int
    ) -> bytes | None:
        """See `ports.FeedbackStore`."""
        mark = self._of(tenant).marks.get(LEARNED, "")
        pairs = itertools.chain.from_iterable(documents.items())
        if self._write(
            LEARNED, "commit_feedback", tenant, LEARNED, mark, request_id, receipt, RECEIPTS_KEPT, *pairs
        ):
            return None
        earlier = self.receipt(tenant, request_id)
        if earlier is not None:
            return earlier
        raise ContentionError("another engine learned meanwhile; try again")

    def receipt(self, tenant: str, request_id: str) -> bytes | None:
        """See `ports.FeedbackStore`."""
        return self._receipt(tenant, f"feedback:{request_id}")

    def _receipt(self, tenant: str, request: str) -> bytes | None:
        prefix = rows.prefix_of(tenant)
        receipt: bytes | None = self._client.call("GET", f"{prefix}:receipt:{request}")
        if receipt is not None:
            self._confirm([prefix])  # the first call may never have been waited for
        return receipt

    def _write(self, kind: str, name: str, tenant: str, *arguments: object) -> bool:
        """Whether the function wrote."""
        done, before, after = self._call(name, tenant, *arguments)
        if done:
            self._of(tenant).follow(kind, before.decode(), after.decode())
        return bool(done)

    def _of(self, tenant: str) -> _Seen:
        return self._seen.setdefault(tenant, _Seen())


def last_records(client: RedisClient, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
    """Journal data of a conversation's last messages, newest first. Raises: StorageError."""
    found = itertools.islice(events_back(client, tenant, conversation_id, MESSAGE), limit)
    return [one.event.data for one in found]


def events_back(client: RedisClient, tenant: str, conversation_id: str, kind: str) -> Iterator[StoredEvent]:
    """A conversation's events of a kind, newest first. Raises: StorageError."""
    key, end = f"{rows.prefix_of(tenant)}:journal:{conversation_id}", -1
    while values := client.call("LRANGE", key, end - _PAGE + 1, end):
        found = (rows.stored_event(conversation_id, value) for value in reversed(values))
        yield from (one for one in found if one.event.kind == kind)
        end -= _PAGE


def _flat(replies: Sequence[Reply]) -> Iterator[str]:
    for reply in replies:
        yield reply.reply_id
        yield detail.reply_text(reply)
