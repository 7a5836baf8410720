"""Tells this engine's listeners what every engine committed.

Each tenant's changes are a stream, written by the commit itself; this reads them from where it stood, so nothing is
missed between two looks. When to look it hears over a channel, which a commit rings: XREAD could block on the streams
themselves, but in a cluster only on those of one slot, and tenants are in many; what a cluster's server publishes, all
of its servers pass on. Bells lost with a connection are made up for by looking everywhere after each connect, and
every few seconds.

There is no consumer group. A group shares entries out among its readers, while here every engine needs every entry;
and what a group would remember for an engine that died is of no use, since its consoles come again, to any engine, and
are told everything then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import structlog

from engine.domain import Conversation, ConversationState
from engine.errors import StorageError
from engine.stores import redis_rows as rows
from engine.stores.redis_client import FAILURES, RedisClient
from engine.stores.redis_tenants import RedisTenants

Listener = Callable[[str, Sequence[Conversation]], None]
_LOOK_EVERYWHERE = 5.0  # seconds between looks at all tenants
_WAKE = 0.2  # seconds after which `close` is noticed
_RETRY = 0.5  # seconds before a lost connection is made again
_DECIDING = 0.002  # seconds in which the store finishes a commit
_PAGE = 100  # entries
_HELD = (ConversationState.OFFERED, ConversationState.ASSIGNED, ConversationState.WRAPPING)


class RedisPushes:
    """One thread, from the first listener on. `committed` is called by the store, the rest by that thread."""

    def __init__(self, client: RedisClient, *, tenants: RedisTenants, engine: str, channel: str) -> None:
        self._client = client
        self._tenants = tenants
        self._engine = engine
        self._channel = channel
        self._listeners: list[Listener] = []
        self._cursors: dict[str, str] = {}  # by tenant, the last entry that was passed on
        self._lock = threading.Lock()  # around a cursor and what is told on the strength of it
        self._pending = ""  # token of the commit that is under way
        self._in_doubt: set[str] = set()  # tokens of commits whose reply never came
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pushes", daemon=True)

    def subscribe(self, listener: Listener) -> None:
        """From now on. Raises: StorageError."""
        self._listeners.append(listener)
        if len(self._listeners) == 1:
            self._cursors = self._tails()
            self._thread.start()

    def close(self) -> None:
        """Wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def committing(self, token: str) -> Iterator[None]:
        """Around a commit. One that fails may have been written nevertheless; then its entry is passed on."""
        self._pending = token
        try:
            yield
        except StorageError:
            self._in_doubt.add(token)
            raise
        finally:
            self._pending = ""

    def committed(self, tenant: str, conversations: Sequence[Conversation], tails: tuple[str, str]) -> None:
        """This engine is committing and wrote these in one entry; `tails` are the stream's before and after."""
        if not self._listeners or not conversations:
            return
        with self._lock:
            if self._cursors.get(tenant, "") == tails[0]:
                self._cursors[tenant] = tails[1]
                self._tell(tenant, conversations)
            else:  # other engines' entries come first; the thread is about to pass on all of them in their order
                self._in_doubt.add(self._pending)

    def _tell(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        for listener in self._listeners:
            listener(tenant, conversations)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (*FAILURES, StorageError) as error:
                structlog.get_logger().warning("pushes_retry", error=str(error))
                self._stop.wait(_RETRY)

    def _listen(self) -> None:
        with closing(self._client.pubsub()) as bells:
            bells.subscribe(self._channel)
            looked = time.monotonic()
            while not self._stop.is_set():
                bell = bells.get_message(timeout=_WAKE)
                if bell is not None:
                    self._look(self._rung(bell))
                if time.monotonic() - looked > _LOOK_EVERYWHERE:
                    self._look(self._tenants.all())
                    looked = time.monotonic()

    def _rung(self, bell: dict[str, Any]) -> list[str]:
        """The tenants that a bell is about: none where this engine rang."""
        if bell["type"] == "subscribe":  # first of all, and after a connection was lost and made again
            return self._tenants.all()
        engine, _, prefix = bell["data"].decode().partition(" ")
        return [] if engine == self._engine else [rows.tenant_of(prefix)]

    def _tails(self) -> dict[str, str]:
        tenants = self._tenants.all()
        found = self._client.call_all([("HGET", f"{rows.prefix_of(one)}:tails", "pushes") for one in tenants])
        return {tenant: (tail or b"").decode() for tenant, tail in zip(tenants, found, strict=True)}

    def _look(self, tenants: Iterable[str]) -> None:
        for tenant in tenants:
            while self._read_page(tenant) and not self._stop.is_set():
                pass

    def _read_page(self, tenant: str) -> bool:
        """Pass on a page of the tenant's entries; whether there may be more."""
        cursor = self._cursors.get(tenant, "")
        start = f"({cursor}" if cursor else "-"
        entries = self._client.read("pushes", rows.prefix_of(tenant), start, self._engine, _PAGE)
        for entry_id, before, token, values in entries:
            with self._lock:
                if self._cursors.get(tenant, "") != cursor or self._is_undecided(token.decode()):
                    break
                if before.decode() != cursor:
                    self._tell_held(tenant)
                self._pass_on(tenant, entry_id, token.decode(), values)
                cursor = self._cursors[tenant] = entry_id.decode()
        else:
            return len(entries) == _PAGE
        self._stop.wait(_DECIDING)
        return True

    def _is_undecided(self, token: str) -> bool:
        """Whether the store, and not this thread, will go on from here."""
        return bool(token) and token == self._pending and token not in self._in_doubt

    def _pass_on(self, tenant: str, entry_id: bytes, token: str, values: bytes) -> None:
        """Tell of another engine's entry, or of one of this engine's that nobody was told of."""
        if token in self._in_doubt:
            stream = f"{rows.prefix_of(tenant)}:pushes"
            ((_, fields),) = self._client.call("XRANGE", stream, entry_id, entry_id)
            values = fields[b"values"]
        if values:
            self._tell(tenant, rows.conversations(values))

    def _tell_held(self, tenant: str) -> None:
        """Entries are gone that were never passed on: tell of everything that an agent holds instead."""
        prefix = rows.prefix_of(tenant)
        for state in _HELD:
            key = rows.list_key(state)
            values = self._client.read("list", prefix, key, "+", -1, rows.BEFORE_ID)
            self._tell(tenant, [rows.conversation(value) for value in values])
