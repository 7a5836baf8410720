"""Rosters in memory, kept equal to what all engines committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import roster as rosters
from engine.domain import Change, Presence, Roster
from engine.stores import redis_rows as rows
from engine.stores.redis_client import RedisClient


@dataclass(slots=True, kw_only=True)
class _Kept:
    roster: Roster
    tail: str  # the id of the last entry of the tenant's roster stream that is in the roster
    losses: int  # of the client, when it was read


class RedisRosters:
    """A tenant's roster is read whole once, and then by the increments in the tenant's roster stream.

    Every entry of the stream names the one before, so an engine that is too far behind, or whose Redis lost what had
    not reached a replica, notices and reads the whole again.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._kept: dict[str, _Kept] = {}

    def get(self, tenant: str) -> Roster:
        """As it is now, in one round trip. Raises: StorageError."""
        kept = self._kept.get(tenant)
        if kept is None or kept.losses != self._client.losses or not self._catch_up(tenant, kept):
            kept = self._kept[tenant] = self._read(tenant)
        return kept.roster

    def mark(self, tenant: str) -> str | None:
        """The entry up to which `get` took over last; None where it never did."""
        kept = self._kept.get(tenant)
        return kept.tail if kept else None

    def follow(self, changes: Sequence[Change], before: str, after: str) -> None:
        """Take over what this engine committed for a tenant and what moved the stream's tail, if nothing came between;
        `get` reads it otherwise.
        """  # noqa: D205
        kept = self._kept.get(changes[0].tenant) if changes else None
        if kept is None or not after or kept.tail != before:
            return
        for change in changes:
            rosters.follow(kept.roster, change.claims, change.streaks)
        kept.tail = after

    def _read(self, tenant: str) -> _Kept:
        losses = self._client.losses
        *parts, tail = self._client.read("roster", rows.prefix_of(tenant))
        return _Kept(roster=rows.roster(parts), tail=tail.decode(), losses=losses)

    def _catch_up(self, tenant: str, kept: _Kept) -> bool:
        """Whether the entries after the tail join on to it; they are taken over as far as they do."""
        after = f"({kept.tail}" if kept.tail else "-"
        entries = self._client.call("XRANGE", f"{rows.prefix_of(tenant)}:roster", after, "+")
        for entry_id, fields in entries:
            if fields[b"after"].decode() != kept.tail:
                return False
            _apply(kept, fields[b"changed"])
            kept.tail = entry_id.decode()
        return True


def _apply(kept: _Kept, value: bytes) -> None:
    changed = rows.changed_agents(value)
    for agent_id, (profile, capacity) in changed.get("agents", {}).items():
        kept.roster = rosters.with_agent(kept.roster, rows.agent(agent_id, profile, capacity))
    for agent_id, (presence, lease_ms) in changed.get("presences", {}).items():
        rosters.set_presence(kept.roster, agent_id, Presence(presence), lease_ms)
    rosters.settle(kept.roster, changed.get("loads", {}), changed.get("streaks", {}))
