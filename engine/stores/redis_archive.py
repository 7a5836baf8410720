"""Takes texts out of the shared store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from engine.domain import ConversationState
from engine.stores import redis_rows as rows
from engine.stores.detail import spellings
from engine.stores.redis_assist import Write
from engine.stores.redis_client import RedisClient
from engine.timeline.archive import OWN

_PAGE = 500  # keys, or members of one, that are looked through at once


class RedisArchive:
    """See `timeline.archive.Archive`. Shares the store's client, which any thread may use."""

    def __init__(self, client: RedisClient, write: Write, confirm: Callable[[Sequence[str]], None]) -> None:
        self._client = client
        self._write = write
        self._confirm = confirm

    def rewrite(self, tenant: str, payloads: Mapping[int, bytes]) -> None:
        """See `timeline.archive.Archive`; a call that is repeated does the same once more."""
        prefix = rows.prefix_of(tenant)
        for sequence, data in payloads.items():
            place = self._client.call("LINDEX", f"{prefix}:order", sequence - 1)
            if not place:
                continue  # taken away meanwhile
            index, _, conversation = place.split(b" ", 2)
            key = f"{prefix}:journal:".encode() + conversation
            entry = self._client.call("LINDEX", key, index)
            self._client.call("LSET", key, index, rows.with_data(entry, data))
        self._confirm([prefix])

    def drop_comments(self, tenant: str, ticket_ids: Collection[str]) -> None:
        """See `timeline.archive.Archive`."""
        prefix = rows.prefix_of(tenant)
        for ticket_id in ticket_ids:
            self._client.call("DEL", f"{prefix}:comments:{ticket_id}")
        self._confirm([prefix])

    def receipts(self, tenant: str, place: str, limit: int) -> tuple[Mapping[str, bytes], str]:
        """See `timeline.archive.Archive`."""
        prefix = f"{rows.prefix_of(tenant)}:answered:"
        cursor, keys = self._client.scan(prefix, f"{_escaped(prefix)}*", int(place or 0), limit)
        values = self._client.call("MGET", *keys) if keys else ()
        found = zip(keys, values, strict=True)
        receipts = {key.decode().removeprefix(prefix): data for key, data in found if data is not None}
        return receipts, str(cursor or "")

    def put_receipt(self, tenant: str, request_id: str, data: bytes) -> None:
        """See `timeline.archive.Archive`."""
        prefix = rows.prefix_of(tenant)
        self._client.call("SET", f"{prefix}:answered:{request_id}", data, "XX", "KEEPTTL")
        self._confirm([prefix])

    def prune(self, tenant: str, after: int, before_ms: int, limit: int) -> int:
        """See `timeline.archive.Archive`: conversation by conversation."""
        prefix = rows.prefix_of(tenant)
        places = self._old(prefix, after, before_ms, limit)
        named = dict.fromkeys(place.split(b" ", 2)[2].decode() for place in places if place)
        heads = {one: self._ends(prefix, one) for one in named if one not in OWN}
        values = self._client.call("HMGET", f"{prefix}:conversations", *heads) if heads else ()
        for (name, (length, last_ms)), value in zip(heads.items(), values, strict=True):
            one = rows.conversation(value) if value else None
            is_over = one is None or (one.state is ConversationState.CLOSED and one.updated_ms < before_ms)
            if is_over and last_ms < before_ms:
                self._write("prune", tenant, name, one.version if one else "", length)
        return after + len(places)

    def _ends(self, prefix: str, conversation_id: str) -> tuple[int, int]:
        """How many entries it has, and when the last was written."""
        key = f"{prefix}:journal:{conversation_id}"
        length, last = self._client.call_all([("LLEN", key), ("LINDEX", key, -1)])
        return length, rows.stored_event("", last).event.time_ms if last else 0

    def _old(self, prefix: str, after: int, before_ms: int, limit: int) -> list[bytes]:
        """Places of the next entries, those up to the first that is not old; empty where one was taken away."""
        places = self._client.call("LRANGE", f"{prefix}:order", after, after + limit - 1)
        kept = [place.split(b" ", 2) for place in places if place]
        found = self._client.call_all(
            [("LINDEX", f"{prefix}:journal:".encode() + name, index) for index, _, name in kept]
        )
        times = iter(rows.stored_event("", one).event.time_ms if one else 0 for one in found)
        return list(itertools.takewhile(lambda place: not place or next(times) < before_ms, places))

    def settle(self) -> None:
        """See `timeline.archive.Archive`: memory holds nothing of it; its files are the operator's to rewrite."""

    def compact(self) -> None:
        """See `timeline.archive.Archive`: the same."""

    def rewrite_files(self) -> list[str]:
        """See `timeline.archive.Archive`: what Redis appends to, and what it saves."""
        return self._client.rewrite_files()

    def holds(self, tenant: str, texts: Sequence[str]) -> list[bool]:
        """See `timeline.archive.Archive`: among all keys of the tenant and their values."""
        needles = [spellings(text) for text in texts]
        found = [False] * len(needles)
        for value in self._values(rows.prefix_of(tenant)):
            for number, spelt in enumerate(needles):
                found[number] = found[number] or any(one in value for one in spelt)
        return found

    def _values(self, prefix: str) -> Iterator[bytes]:
        for master in self._client.masters():
            for key in master.scan_iter(match=f"{_escaped(prefix)}:*", count=_PAGE):
                yield key
                yield from _READERS[master.type(key)](master, key)


def _list(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    for start in range(0, master.llen(key), _PAGE):
        yield from master.lrange(key, start, start + _PAGE - 1)


def _hash(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    for name, value in master.hscan_iter(key, count=_PAGE):
        yield from (name, value)


def _sorted_set(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    yield from (member for member, _ in master.zscan_iter(key, count=_PAGE))


def _set(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    yield from master.sscan_iter(key, count=_PAGE)


def _stream(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    for _, fields in master.xrange(key):
        for name, value in fields.items():
            yield from (name, value)


def _string(master: Any, key: bytes) -> Iterator[bytes]:  # noqa: ANN401
    yield master.get(key) or b""


def _escaped(pattern: str) -> str:
    return "".join(f"\\{one}" if one in "*?[]^\\" else one for one in pattern)


_READERS: Mapping[bytes, Callable[[Any, bytes], Iterator[bytes]]] = {
    b"list": _list,
    b"hash": _hash,
    b"zset": _sorted_set,
    b"set": _set,
    b"stream": _stream,
    b"string": _string,
}
