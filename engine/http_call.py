"""One HTTP request: no redirects, no private networks unless they are allowed, no endless answers.

Blocking; to be called on a thread of its own.
"""

from __future__ import annotations

import functools
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

MOST_READ = 1 << 20  # bytes of an answer; of what comes beyond, no more is read than tells that there is more
_CHUNK = 1 << 14  # bytes
_EMBEDDING = [
    ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
]


class CallError(Exception):
    """The call was not made or not answered; the text is for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What to ask. `timeout` is in seconds, for all of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout: float = 10.0
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(call: Call) -> Answer:
    """Raises: CallError."""
    ends = time.monotonic() + call.timeout
    parts = urlsplit(call.url)
    address = _address(parts, private=call.private)
    connection = _connection(parts, address, call.timeout)
    try:
        target = parts.path or "/"
        connection.request(
            call.method,
            f"{target}?{parts.query}" if parts.query else target,
            body=call.body or None,
            headers={"User-Agent": "yingda", **call.headers},
        )
        return _read(connection, connection.getresponse(), ends)
    except (OSError, http.client.HTTPException) as error:
        raise CallError(
            f"{parts.hostname}:{_port(parts)} did not answer: {str(error) or type(error).__name__}"
        ) from None
    finally:
        connection.close()


def is_public(address: str) -> bool:
    """Whether the address is one of the internet at large, whatever network it is written for."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not ip.is_multicast


def _address(parts: SplitResult, *, private: bool) -> str:
    """Where the host is, looked up once, so that the answer that was checked is the one that is used."""
    try:
        found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except OSError as error:
        raise CallError(f"{parts.hostname} is not known: {error}") from None
    addresses: Sequence[str] = [str(one[4][0]) for one in found]
    if not private and not all(map(is_public, addresses)):
        raise CallError(
            f"{parts.hostname} is an address of a private network; allow it with private = true in its webhook"
        )
    return addresses[0]


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _connection(parts: SplitResult, address: str, timeout: float) -> http.client.HTTPConnection:
    assert parts.hostname is not None  # a webhook's url has one
    kind = _Secure if parts.scheme == "https" else _Plain
    return kind(parts.hostname, _port(parts), timeout=timeout, address=address)


class _Plain(http.client.HTTPConnection):
    """Speaks to one address, whatever the name says by now."""

    def __init__(self, host: str, port: int, *, timeout: float, address: str) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address

    def connect(self) -> None:
        """See `http.client.HTTPConnection`."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _Secure(_Plain):
    """The same by TLS; the certificate must be the name's."""

    default_port = 443

    def connect(self) -> None:
        """See `http.client.HTTPConnection`."""
        super().connect()
        self.sock = _trust().wrap_socket(self.sock, server_hostname=self.host)


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts, read once."""
    return ssl.create_default_context()


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, ends: float) -> Answer:
    body = b""
    while len(body) <= MOST_READ and (chunk := response.read1(_CHUNK)):
        body += chunk
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        if connection.sock:
            connection.sock.settimeout(left)
    named = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=named, body=body)
