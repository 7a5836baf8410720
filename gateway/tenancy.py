"""Which tenants a caller may speak for."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from typing import Any

import grpc
from yingda.service.errors import StatusError

_BEARER = "bearer "


class Tenancy:
    """Knows the tenants and, where there are tokens, whose each is."""

    def __init__(
        self, *, tenants: Collection[str], tokens: Mapping[str, str], operators: Collection[str] = ()
    ) -> None:
        self._tenants = frozenset(tenants)
        self._operators = frozenset(operators)
        self._tokens = [(token.encode(), tenant) for token, tenant in tokens.items()]

    def allowed(self, context: grpc.aio.ServicerContext[Any, Any]) -> frozenset[str]:
        """The tenants this caller may name. Raises: StatusError (UNAUTHENTICATED)."""
        if not self._tokens:
            return self._tenants
        metadata = dict(context.invocation_metadata() or ())
        text = str(metadata.get("authorization", ""))
        if text[: len(_BEARER)].lower() == _BEARER:
            found = self._tenants_of(text[len(_BEARER) :].encode())
            if found:
                return found
        raise StatusError(
            grpc.StatusCode.UNAUTHENTICATED,
            "send the metadata 'authorization: Bearer TOKEN' with a known token",
        )

    def check(self, tenant: str, allowed: frozenset[str]) -> None:
        """Raises: StatusError, the same for a tenant of others and for one that does not exist."""
        if not tenant:
            raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, "tenant: is required", field="tenant")
        if tenant not in allowed:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND,
                f"tenant: '{tenant[:64]}' is not served for this caller; an operator adds it under [gateway]",
                field="tenant",
            )

    def check_operator(self, tenant: str) -> None:
        """Raises: StatusError (PERMISSION_DENIED) for one who may not change what all tenants share."""
        if self._tokens and tenant not in self._operators:
            raise StatusError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"tenant '{tenant}' may not change what all tenants share; it must stand in [gateway] operators",
            )

    def _tenants_of(self, token: bytes) -> frozenset[str]:
        # Every token is compared in full, so that time tells nothing.
        return frozenset([tenant for known, tenant in self._tokens if hmac.compare_digest(known, token)])
