"""Which tenants a caller may speak for."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence

import grpc

from yingda.service.errors import StatusError

_BEARER = "bearer "


class Tenancy:
    """Knows the tenants and, where there are tokens, whose each is."""

    def __init__(self, *, tenants: Collection[str], tokens: Mapping[str, str]) -> None:
        self._tenants = frozenset(tenants)
        self._tokens = [(token.encode(), tenant) for token, tenant in tokens.items()]

    def allowed(self, metadata: Sequence[tuple[str, str | bytes]]) -> frozenset[str]:
        """The tenants this caller may name. Raises: StatusError (UNAUTHENTICATED)."""
        if not self._tokens:
            return self._tenants
        given = next((value for key, value in metadata if key == "authorization"), "")
        text = given.decode(errors="replace") if isinstance(given, bytes) else given
        if text[: len(_BEARER)].lower() == _BEARER:
            found = self._tenants_of(text[len(_BEARER) :].encode())
            if found:
                return found
        raise StatusError(
            grpc.StatusCode.UNAUTHENTICATED, "send the metadata 'authorization: Bearer TOKEN' with a known token"
        )

    def check(self, tenant: str, allowed: frozenset[str]) -> None:
        """Raises: StatusError, the same for a tenant of others and for one that does not exist."""
        if tenant not in allowed:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND,
                f"tenant: '{tenant[:64]}' is not a tenant of this caller; the operator adds one under [gateway] tenants"
                if tenant
                else "tenant: is required",
                field="tenant",
            )

    def _tenants_of(self, token: bytes) -> frozenset[str]:
        # Every token is compared in full, so that time tells nothing.
        return frozenset([tenant for known, tenant in self._tokens if hmac.compare_digest(known, token)])
