"""The shared store: one Redis, or a Redis Cluster, under any number of engines."""

from __future__ import annotations

import itertools
import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain import (
    Agent,
    Change,
    Conversation,
    ConversationState,
    Event,
    Presence,
    Roster,
    StoredEvent,
)
from engine.errors import NotFoundError
from engine.stores import redis_rows as rows
from engine.stores.detail import agent_profile
from engine.stores.redis_archive import RedisArchive
from engine.stores.redis_assist import RedisAssistStore, events_back, last_records
from engine.stores.redis_bots import RedisBotStore
from engine.stores.redis_client import RedisClient
from engine.stores.redis_pushes import Listener, RedisPushes
from engine.stores.redis_roster import RedisRosters
from engine.stores.redis_tenants import RedisTenants
from engine.stores.redis_url import connect
from engine.stores.redis_workflow import RedisWorkflowStore


def open_store(url: str, *, wait_replicas: int = 0) -> RedisStore:
    """The store at "redis://host:port/db" or "redis+cluster://host:port,host:port".

    What is acknowledged survives what Redis' own settings say; with `wait_replicas` a commit also waits until as many
    replicas have it. Raises: StartError.
    """
    return RedisStore(connect(url), wait_replicas=wait_replicas)


class RedisStore:
    """See `ports.Store`. The keys and the functions are described in redis.lua.

    Whatever is written is written by one function, in one piece, and carries a token, so that it may be sent again
    over a lost connection without being done twice.
    """

    def __init__(self, client: RedisClient, *, wait_replicas: int = 0) -> None:
        self._client = client
        self._wait_replicas = wait_replicas
        self._engine = uuid.uuid4().hex
        self._tokens = itertools.count(1)
        self._rosters = RedisRosters(client)
        self._tenants = RedisTenants(client)
        self.assist = RedisAssistStore(client, self._write, self._await_replicas)
        self.workflow = RedisWorkflowStore(client, self._write, self._await_replicas)
        self.bots = RedisBotStore(client, self._write)
        self.archive = RedisArchive(client, self._write, self._await_replicas)
        self._channel = "yingda:changes"
        self._pushes = RedisPushes(client, tenants=self._tenants, engine=self._engine, channel=self._channel)

    def close(self) -> None:
        """Stop listening and close the connections."""
        self._pushes.close()
        self._client.close()

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `ports.Store`."""
        prefix = rows.prefix_of(tenant)
        found = self._client.call("HMGET", f"{prefix}:keys", *keys) if keys else []
        places = {key: place.split(b" ", 1) for key, place in zip(keys, found, strict=True) if place}
        values = self._client.call_all(
            [
                ("LINDEX", f"{prefix}:journal:".encode() + conversation, index)
                for index, conversation in places.values()
            ]
        )
        if places:
            self._await_replicas([prefix])  # the first answer may never have been waited for
        return {
            key: rows.stored_event("", value).event.data
            for key, value in zip(places, values, strict=True)
            if value is not None  # taken away between both looks
        }

    def conversations(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """See `ports.Store`."""
        if not conversation_ids:
            return {}
        key = f"{rows.prefix_of(tenant)}:conversations"
        found = self._client.call("HMGET", key, *conversation_ids)
        return {
            one: rows.conversation(value)
            for one, value in zip(conversation_ids, found, strict=True)
            if value is not None
        }

    def open_conversations(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """See `ports.Store`."""
        if not customers:
            return {}
        names = [f"{channel}:{customer_id}" for channel, customer_id in customers]
        newest = self._read("open", tenant, *names)
        return {(one.channel, one.customer_id): one for one in newest}

    def waiting(self, tenant: str, queues: Mapping[str, int]) -> list[Conversation]:
        """See `ports.Store`."""
        if not queues:
            return []
        found = self._read("waiting", tenant, json.dumps(dict(queues)))
        return sorted(found, key=lambda one: (one.rank_ms, one.conversation_id))

    def held(self, tenant: str, agent_id: str) -> list[Conversation]:
        """See `ports.Store`."""
        return self._read("held", tenant, agent_id)

    def due(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.Store`."""
        return self._tenants.until("due", now_ms)

    def lapsed(self, now_ms: int) -> list[tuple[str, str]]:
        """See `ports.Store`."""
        return self._tenants.until("leases", now_ms)

    def next_due_ms(self) -> int | None:
        """See `ports.Store`."""
        return self._tenants.next_moment()

    def list_conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """See `ports.Store`."""
        bound = f"({rows.list_member(*before)}" if before else "+"
        return self._read("list", tenant, rows.list_key(state), bound, limit, rows.BEFORE_ID)

    def of_customer(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[Conversation]:
        """See `ports.Store`."""
        return self._read("of_customer", tenant, f"{channel}:{customer_id}", limit)

    def roster(self, tenant: str) -> Roster:
        """See `ports.Store`."""
        return self._rosters.get(tenant)

    def mark(self, tenant: str) -> str | None:
        """See `ports.Store`."""
        return self._rosters.mark(tenant)

    def put_agent(self, tenant: str, agent: Agent, event: Event | None = None) -> int:
        """See `ports.Store`."""
        entry = rows.event_value(event, 0) if event else b""
        profile = agent_profile(agent)
        return int(self._write("put_agent", tenant, agent.agent_id, profile, agent.capacity, entry))

    def set_presence(
        self, tenant: str, agent_id: str, presence: Presence, lease_ms: int = 0, event: Event | None = None
    ) -> int:
        """See `ports.Store`."""
        ends = {tenant: lease_ms} if lease_ms and presence is not Presence.OFFLINE else {}
        entry = rows.event_value(event, 0) if event else b""
        sequence = int(
            self._write_until(ends, "set_presence", tenant, agent_id, presence.value, lease_ms, entry)
        )
        if sequence < 0:
            raise NotFoundError(f"tenant {tenant} has no agent {agent_id}")
        return sequence

    def renew(self, tenant: str, agent_id: str, lease_ms: int) -> None:
        """See `ports.Store`."""
        if not self._write_until({tenant: lease_ms}, "renew", tenant, agent_id, lease_ms):
            raise NotFoundError(f"tenant {tenant} has no agent {agent_id}")

    def lapse(self, tenant: str, agent_id: str, now_ms: int, event: Event | None = None) -> int | None:
        """See `ports.Store`."""
        entry = rows.event_value(event, 0) if event else b""
        sequence = int(self._write("lapse", tenant, agent_id, now_ms, entry))
        return sequence if sequence >= 0 else None

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`. A change whose tenant's server failed is not told from one that was kept: either way the
        call raises, and whoever repeats it finds what was kept.
        """  # noqa: D205
        if not changes:
            return []
        groups = _by_tenant(changes)
        self._tenants.remember(groups)
        self.workflow.expect(changes)
        token = str(next(self._tokens))
        with self._pushes.committing(token):
            commits = [self._commit_command(tenant, of_tenant, token) for tenant, of_tenant in groups.items()]
            replies = self._client.call_in_order(commits, self._tenants.expecting(_earliest(groups)))
            self._await_replicas([rows.prefix_of(tenant) for tenant in groups])
            done = {
                tenant: iter(self._follow(of_tenant, reply))
                for (tenant, of_tenant), reply in zip(groups.items(), replies, strict=True)
            }
        return [next(done[change.tenant]) for change in changes]

    def subscribe(self, listener: Listener) -> None:
        """See `ports.Store`."""
        self._pushes.subscribe(listener)

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        found = self._client.read("events", rows.prefix_of(tenant), conversation_id, after, limit)
        return [rows.stored_event(conversation_id, value) for value in found]

    def latest_events(self, tenant: str, conversation_id: str, kind: str, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        return list(itertools.islice(events_back(self._client, tenant, conversation_id, kind), limit))

    def last_record(self, tenant: str, conversation_id: str) -> bytes | None:
        """See `ports.Store`."""
        found = last_records(self._client, tenant, conversation_id, 1)
        return found[0] if found else None

    def _commit_command(self, tenant: str, changes: Sequence[Change], token: str) -> tuple[object, ...]:
        header, texts = rows.changes_arguments(changes)
        return self._client.function_command(
            "commit", rows.prefix_of(tenant), self._engine, token, self._channel, header, texts
        )

    def _follow(self, changes: Sequence[Change], reply: Sequence[bytes]) -> list[bool]:
        """Whether each of a tenant's changes was committed; memory and listeners follow those that were."""
        flags, *tails = (part.decode() for part in reply)
        done = [flag == "1" for flag in flags]
        kept = list(itertools.compress(changes, done))
        self._rosters.follow(kept, tails[0], tails[1])
        changed = [one for change in kept for one in (*change.conversations, *change.kept)]
        self._pushes.committed(changes[0].tenant, changed, (tails[2], tails[3]))
        return done

    def _read(self, name: str, tenant: str, *arguments: object) -> list[Conversation]:
        return [rows.conversation(one) for one in self._client.read(name, rows.prefix_of(tenant), *arguments)]

    def _write(self, name: str, tenant: str, *arguments: object) -> Any:  # noqa: ANN401
        return self._write_until({}, name, tenant, *arguments)

    def _write_until(self, moments: Mapping[str, int], name: str, tenant: str, *arguments: object) -> Any:  # noqa: ANN401
        """What the function gives; something of the tenant ends at the moment from then on."""
        self._tenants.remember([tenant])
        prefix, token = rows.prefix_of(tenant), next(self._tokens)
        write = self._client.function_command(name, prefix, self._engine, token, *arguments)
        (done,) = self._client.call_in_order([write], self._tenants.expecting(moments))
        self._await_replicas([prefix])
        return done

    def _await_replicas(self, prefixes: Sequence[str]) -> None:
        if self._wait_replicas:
            self._client.await_replicas(prefixes, self._wait_replicas)


def _by_tenant(changes: Sequence[Change]) -> dict[str, list[Change]]:
    groups: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[change.tenant].append(change)
    return dict(groups)


def _earliest(groups: Mapping[str, Sequence[Change]]) -> dict[str, int]:
    """By tenant, the first moment at which something ends that is changed; none where nothing does."""
    ends = {
        tenant: [one.due_ms for change in changes for one in change.conversations if one.due_ms > 0]
        for tenant, changes in groups.items()
    }
    return {tenant: min(moments) for tenant, moments in ends.items() if moments}
