"""Every tenant's routing policy: what the settings say, and over it what the tenant put."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine.errors import InvalidArgumentError
from engine.ports import Clock, FeedbackStore
from engine.routing.policy import FixedPolicies, Policy

KIND = "routing"
_KEY = "policy"
_LOOK = 1000  # milliseconds after which it is looked whether another engine changed the policy
_READER = TypeAdapter(Policy)
Overrides = Mapping[str, Any]  # fields of a policy, or of its parts


class StoredPolicies:
    """See `ports.Policies`. Called on the decision thread.

    A tenant's own change counts at once, another engine's within a second.
    """

    def __init__(self, *, store: FeedbackStore, clock: Clock, settings: FixedPolicies) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._kept: dict[str, tuple[Policy, int]] = {}
        self._seen: dict[str, int] = {}

    def of(self, tenant: str) -> Policy:
        """See `ports.Policies`."""
        now_ms = self._clock.now_ms()
        if tenant not in self._kept or now_ms - self._seen[tenant] >= _LOOK:
            self._look(tenant)
            self._seen[tenant] = now_ms
        return self._kept[tenant][0]

    def put(self, tenant: str, overrides: Overrides) -> Policy:
        """Replace what the tenant put before. Raises: InvalidArgumentError, naming the key."""
        policy = self._merged(tenant, overrides)
        self._store.put_document(tenant, KIND, _KEY, json.dumps(overrides).encode())
        self._kept.pop(tenant, None)
        return policy

    def _look(self, tenant: str) -> None:
        version = self._store.versions(tenant).get(KIND, 0)
        if tenant not in self._kept or self._kept[tenant][1] != version:
            data = self._store.documents(tenant, KIND).get(_KEY)
            policy = self._merged(tenant, json.loads(data)) if data else self._settings.of(tenant)
            self._kept[tenant] = (policy, version)

    def _merged(self, tenant: str, overrides: Overrides) -> Policy:
        whole = asdict(self._settings.of(tenant))
        for name, value in overrides.items():
            whole[name] = {**whole[name], **value} if isinstance(value, Mapping) else value
        try:
            return _READER.validate_python(whole)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise InvalidArgumentError(f"policy.{key}", f"is {first['input']!r}: {first['msg']}") from None
