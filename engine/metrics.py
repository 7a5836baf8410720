"""Figures for Prometheus, over plain HTTP on an address of their own. No text of a customer, no id of one.

Source: https://prometheus.io/docs/instrumenting/exposition_formats (text format 0.0.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from engine.errors import StartError

_LONGEST: Final = 8192  # bytes of a request
_PATIENCE: Final = 5.0  # seconds for a request to come
_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One value; `kind` is "gauge" or "counter"."""

    name: str
    about: str
    value: float
    kind: str = "gauge"
    labels: Mapping[str, str] = field(default_factory=dict)


def render(figures: Sequence[Figure]) -> str:
    """As Prometheus reads it; figures of one name stand together."""
    lines: list[str] = []
    named: set[str] = set()
    for one in sorted(figures, key=lambda figure: figure.name):
        if one.name not in named:
            named.add(one.name)
            lines += [f"# HELP {one.name} {one.about}", f"# TYPE {one.name} {one.kind}"]
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels.items())
        lines.append(f"{one.name}{{{labels}}} {one.value:.10g}" if labels else f"{one.name} {one.value:.10g}")
    return "\n".join([*lines, ""])


@asynccontextmanager
async def serving(address: str, figures: Callable[[], Sequence[Figure]]) -> AsyncIterator[str]:
    """The address as bound; GET /metrics there gives the figures until the block ends. Raises: StartError.

    They are asked for on a thread beside the event loop: to reckon them takes a while.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
            writer.write(await asyncio.to_thread(_response, request, figures))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # whoever asks in another way gets nothing
        finally:
            writer.close()

    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(answer, host.strip("[]"), int(port), limit=_LONGEST)
    except (OSError, ValueError) as error:
        raise StartError(f"metrics: cannot listen on {address} ({error}); name another host:port") from error
    async with server:
        bound = server.sockets[0].getsockname()
        yield f"{bound[0]}:{bound[1]}"


def _response(request: bytes, figures: Callable[[], Sequence[Figure]]) -> bytes:
    if not request.startswith(b"GET /metrics"):
        return _NOT_FOUND
    body = render(figures()).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
