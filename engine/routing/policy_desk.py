"""A tenant's routing policy as callers manage it."""

from __future__ import annotations

from engine.routing.dispatcher import Dispatcher
from engine.routing.policies import Overrides, StoredPolicies
from engine.routing.policy import Policy


class PolicyDesk:
    """Changes policies and lets the queues follow. Called on the decision thread."""

    def __init__(self, *, policies: StoredPolicies, dispatcher: Dispatcher) -> None:
        self._policies = policies
        self._dispatcher = dispatcher

    def of(self, tenant: str) -> Policy:
        """As it is now."""
        return self._policies.of(tenant)

    def put(self, tenant: str, overrides: Overrides) -> Policy:
        """Replace what the tenant put before; who waits gets their new place, and who may be served is, at once.

        Raises: InvalidArgumentError, naming the key.
        """
        policy = self._policies.put(tenant, overrides)
        self._dispatcher.welcome(tenant)
        return policy
