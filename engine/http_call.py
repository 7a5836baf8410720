"""What is asked of other systems by HTTP, what they answer, and which addresses may be asked."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult

MOST_READ = 1 << 20  # bytes of an answer; of what comes beyond, no more is read than tells that there is more
_DEFAULT_PORTS = {"http": 80, "https": 443}
_EMBEDDING = [
    ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
]
_TARGET = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00\r\n]*")


class CallError(Exception):
    """The call was not made or not answered; the text is for an operator."""


class BrokenAnswerError(CallError):
    """What came back is no answer of HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What to ask. `timeout` is in seconds, for all of it; None where whoever waits gives up.

    `private` allows addresses of private networks. `repeatable` is a call that does no harm where it arrives twice: it
    may go by a kept connection, and goes again by a new one where that was closed meanwhile.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout: float | None = 10.0
    private: bool = False
    repeatable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[Call], Awaitable[Answer]]


class Place(NamedTuple):
    """Where calls go."""

    scheme: str
    host: str
    port: int
    private: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def place_of(call: Call, parts: SplitResult) -> Place:
    """Of a call whose address has these parts. Raises: CallError."""
    return _place(parts.scheme, parts.netloc, call.private)


@functools.lru_cache(1024)
def _place(scheme: str, netloc: str, private: bool) -> Place:
    parts = SplitResult(scheme, netloc, "", "", "")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if scheme not in _DEFAULT_PORTS or not host:
        raise CallError(f"{scheme}://{host or ''} is no address: write https://host/path")
    return Place(scheme, host, port or _DEFAULT_PORTS[scheme], private)


def written(call: Call, parts: SplitResult) -> bytes:
    """The call as it is sent; what would be no single HTTP request is refused. Raises: CallError."""
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    ours = {"host": _host(parts), "accept-encoding": "identity", "user-agent": "yingda"}
    if call.body or call.method in ("POST", "PUT", "PATCH"):
        ours["content-length"] = str(len(call.body))
    if not call.repeatable:
        ours["connection"] = "close"
    given = set(map(str.lower, call.headers))
    fields = [*((name, value) for name, value in ours.items() if name not in given), *call.headers.items()]
    lines = [f"{name}: {value}" for name, value in fields]
    if not _TARGET.fullmatch(target) or not all(map(_HEADER.fullmatch, lines)):
        raise CallError(f"{parts.hostname}: the address or a header has a character that HTTP does not allow")
    head = "\r\n".join((f"{call.method} {target} HTTP/1.1", *lines, "", ""))
    try:
        return head.encode("latin-1") + call.body
    except UnicodeEncodeError:
        raise CallError(f"{parts.hostname}: a header has a character that HTTP does not allow") from None


def _host(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return host if host.isascii() else host.encode("idna").decode("ascii")


def is_public(address: str) -> bool:
    """Whether the address is one of the internet at large, whatever network it is written for."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not ip.is_multicast
