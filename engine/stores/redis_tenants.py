"""Which tenants there are, and when something of theirs ends by itself.

One sorted set holds every tenant with a moment before which nothing of it ends: a bound, since the truth lies in the
tenant's own keys, in another slot. A bound is lowered behind the write that calls for it, and raised by whoever found
the truth to be later. So a look costs what is due, not what there is. A bound that was lost on its way, with a
connection, is found again: each look compares a few of all, at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from engine.stores import redis_rows as rows
from engine.stores.redis_client import Command, RedisClient

_HEADS = 16  # tenants whose bound is compared with the truth at a time
_SAMPLE = 4  # tenants that are compared at every look, whatever their bound
_ALL = ("due", "leases")  # the sorted sets of a tenant that hold moments


class RedisTenants:
    """Called from one thread, but for `all`."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._known: set[str] = set()
        self._losses = client.losses

    def remember(self, tenants: Iterable[str]) -> None:
        """Put them into the set, before anything of them is written. Raises: StorageError."""
        if self._losses != self._client.losses:
            self._losses = self._client.losses
            self._known.clear()
        new = [one for one in tenants if one not in self._known]
        if new:
            scores = [part for one in new for part in ("+inf", one)]
            self._client.call("ZADD", rows.TENANTS, "NX", *scores)
            self._known.update(new)

    def all(self) -> list[str]:
        """Every tenant, in order."""
        return sorted(one.decode() for one in self._client.call("ZRANGE", rows.TENANTS, 0, -1))

    def expecting(self, moments: Mapping[str, int]) -> list[Command]:
        """What is to be sent behind a write after which something of a tenant ends at the moment, or earlier."""
        return [("ZADD", rows.TENANTS, "LT", *_scores(moments))] if moments else []

    def until(self, name: str, now_ms: int) -> list[tuple[str, str]]:
        """(tenant, id) of all whose moment in the tenant's sorted set of this name has come, earliest first."""
        tenants = [one.decode() for one in self._client.call("ZRANGEBYSCORE", rows.TENANTS, "-inf", now_ms)]
        found = self._client.call_all(
            [
                ("ZRANGEBYSCORE", f"{rows.prefix_of(one)}:{name}", "-inf", now_ms, "WITHSCORES")
                for one in tenants
            ]
        )
        moments = [
            (int(score), tenant, member.decode())
            for tenant, flat in zip(tenants, found, strict=True)
            for member, score in zip(flat[::2], flat[1::2], strict=True)
        ]
        return [(tenant, one) for _, tenant, one in sorted(moments)]

    def next_moment(self) -> int | None:
        """The earliest of all tenants' moments, None where there is none."""
        self._compare_some()
        compared: dict[str, float] = {}
        while True:
            heads = self._heads()
            earliest = min(compared.values(), default=math.inf)
            left = {one: at for one, at in heads.items() if one not in compared and at < earliest}
            if not left:
                return None if earliest == math.inf else int(earliest)
            compared |= self._compare(left)

    def _heads(self) -> dict[str, float]:
        flat = self._client.call("ZRANGE", rows.TENANTS, 0, _HEADS - 1, "WITHSCORES")
        return _bounds(flat)

    def _compare_some(self) -> None:
        self._compare(_bounds(self._client.call("ZRANDMEMBER", rows.TENANTS, _SAMPLE, "WITHSCORES")))

    def _compare(self, bounds: Mapping[str, float]) -> dict[str, float]:
        """The true moments of these tenants; their bounds are set right."""
        truth = self._truth(bounds)
        wrong = {one: truth[one] for one, at in bounds.items() if truth[one] != at}
        if wrong:
            self._client.call("ZADD", rows.TENANTS, *_scores(wrong))
            # Whoever wrote before this and lowered nothing, since the bound was lower still, is seen now.
            again = self._truth(wrong)
            self._client.call("ZADD", rows.TENANTS, "LT", *_scores(again))
            truth |= again
        return truth

    def _truth(self, tenants: Iterable[str]) -> dict[str, float]:
        names = list(tenants)
        keys = [f"{rows.prefix_of(one)}:{name}" for one in names for name in _ALL]
        found = self._client.call_all([("ZRANGE", key, 0, 0, "WITHSCORES") for key in keys])
        moments = [float(head[1]) if head else math.inf for head in found]
        return dict(zip(names, map(min, moments[::2], moments[1::2]), strict=True))


def _bounds(flat: Sequence[bytes]) -> dict[str, float]:
    return {one.decode(): float(at) for one, at in zip(flat[::2], flat[1::2], strict=True)}


def _scores(moments: Mapping[str, float]) -> list[object]:
    return [
        part for tenant, at in moments.items() for part in ("+inf" if at == math.inf else int(at), tenant)
    ]
