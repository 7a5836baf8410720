"""Where other systems listen."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from annotated_types import Gt, Le

EVERYBODY = "*"
DELETED = "ticket.deleted"
KINDS = ("ticket.opened", "ticket.changed", "ticket.commented", DELETED, "rule.fired")
_LEAST_SECRET = 16  # bytes
_SECRET_FIX = "must be 16 or more bytes, plain or as whsec_BASE64; make one with `openssl rand -base64 32`"
_PREFIX = "whsec_"


class Format(StrEnum):
    """How a webhook is spoken to."""

    STANDARD = "standard"  # Source: https://www.standardwebhooks.com
    ZAMMAD = "zammad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One of them, as under [engine.webhooks].

    `events` are the kinds that are sent without a rule's asking, `tenants` whose they are. `private` allows http and
    addresses that are not public. `customer` is whom Zammad takes a ticket to be from where no e-mail is known.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {
        "extra": "forbid"
    }  # read by whoever makes one from a file

    name: str
    url: str
    format: Format = Format.STANDARD
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    events: tuple[str, ...] = ()
    tenants: tuple[str, ...] = (EVERYBODY,)  # "*": all
    private: bool = False
    timeout: Annotated[float, Gt(0), Le(60)] = 10.0  # seconds
    group: str = "Users"
    customer: str = ""

    def serves(self, tenant: str) -> bool:
        """Whether the tenant may use it."""
        return EVERYBODY in self.tenants or tenant in self.tenants

    def problem(self) -> tuple[str, str] | None:
        """The first key that cannot be, and the fix; None where all is well."""
        parts = urlsplit(self.url)
        if parts.scheme not in (("https", "http") if self.private else ("https",)) or not parts.hostname:
            return "url", "must be https://HOST/…; http only with private = true"
        if parts.username or parts.fragment:
            return "url", "must hold neither a name and password nor a fragment"
        if unknown := set(self.events) - set(KINDS):
            return "events", f"{min(unknown)} is none; known are {', '.join(KINDS)}"
        if self.format is Format.ZAMMAD:
            return self._zammad_problem()
        return self._standard_problem()

    def _zammad_problem(self) -> tuple[str, str] | None:
        if DELETED in self.events:
            return "events", f"{DELETED} is not told to Zammad: what is deleted there is its users' to say"
        if not self.token:
            return "token", "is required: an access token of Zammad with the permission ticket.agent"
        return None if self.customer else ("customer", "is required: login or e-mail of a user of Zammad")

    def _standard_problem(self) -> tuple[str, str] | None:
        return None if len(key_of(self.secret)) >= _LEAST_SECRET else ("secret", _SECRET_FIX)


class Webhooks:
    """All that are configured."""

    def __init__(self, webhooks: Sequence[Webhook]) -> None:
        self._by_name: Mapping[str, Webhook] = {one.name: one for one in webhooks}

    def named(self, tenant: str, name: str) -> Webhook | None:
        """The one of that name, where the tenant may use it."""
        found = self._by_name.get(name)
        return found if found and found.serves(tenant) else None

    @property
    def longest_timeout(self) -> float:
        """In seconds."""
        return max((one.timeout for one in self._by_name.values()), default=0.0)

    def names(self, tenant: str) -> list[str]:
        """Those the tenant may use."""
        return [name for name, one in self._by_name.items() if one.serves(tenant)]

    def listening(self, tenant: str, kind: str) -> list[str]:
        """Names of those that are told of every event of this kind."""
        return [name for name, one in self._by_name.items() if kind in one.events and one.serves(tenant)]


def key_of(secret: str) -> bytes:
    """The bytes to sign with. Source: Standard Webhooks, "whsec_" marks base64."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return b""
