"""One HTTP GET: no redirects, no endless answers. Blocking; to be called on a thread of its own."""

from __future__ import annotations

import functools
import http.client
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.customer.source import SourceError

MOST_READ = 1 << 20  # bytes of an answer; a longer one is refused
_CHUNK = 1 << 14  # bytes
_OK, _NOT_FOUND = 200, 404


def get(url: str, headers: Mapping[str, str], timeout: float) -> bytes | None:
    """The body of a 200, None for a 404. `timeout` is in seconds, for all of it. Raises: SourceError."""
    ends = time.monotonic() + timeout
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, timeout)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("GET", target, headers={"Accept": "application/json", **headers})
        response = connection.getresponse()
        if response.status == _NOT_FOUND:
            return None
        if response.status != _OK:
            raise SourceError(f"{parts.netloc} answered {response.status}")
        return _read(connection, response, ends)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{parts.netloc} did not answer: {type(error).__name__}") from error
    finally:
        connection.close()


def _connection(scheme: str, netloc: str, timeout: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(netloc, timeout=timeout, context=_trust())
    return http.client.HTTPConnection(netloc, timeout=timeout)


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts, read once."""
    return ssl.create_default_context()


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, ends: float) -> bytes:
    body = b""
    while chunk := response.read1(_CHUNK):
        body += chunk
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if len(body) > MOST_READ:
            raise SourceError(f"an answer has more than {MOST_READ} bytes")
        if connection.sock:
            connection.sock.settimeout(left)
    return body
