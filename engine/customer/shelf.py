"""Customers that were fetched, for a while: the least lately used are forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock

from engine.customer.profile import Customer, Key, Part

MOST_KEPT = 20_000  # customers of all tenants; one takes a few kilobytes


@dataclass(slots=True, kw_only=True)
class Entry:
    """A customer, what each source gave of it, and until when that is fresh, or may be shown though it is not.

    `until_ms` is how long each source need not be asked again, `fresh_until_ms` the first of these, and `took_ms` how
    long the slowest source took.
    """

    customer: Customer
    parts: dict[str, Part] = field(default_factory=dict)
    until_ms: dict[str, int] = field(default_factory=dict)
    fresh_until_ms: int = 0
    stale_until_ms: int = 0
    took_ms: int = 0

    def copy(self) -> Entry:
        """The same, to be changed."""
        return replace(self, parts=dict(self.parts), until_ms=dict(self.until_ms))


class Shelf:
    """Safe to share between threads."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Entry | None:
        """As it was put last."""
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, entry: Entry) -> None:
        """Create or replace."""
        with self._lock:
            self._entries[entry.customer.key] = entry
            self._entries.move_to_end(entry.customer.key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget a customer, where it is known."""
        with self._lock:
            self._entries.pop(key, None)
