"""Calls of HTTP on the event loop: no redirects, no private networks unless allowed, no endless answers."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import defaultdict, deque
from urllib.parse import urlsplit

from engine.http_call import Answer, BrokenAnswerError, Call, CallError, Place, is_public, place_of, written
from engine.http_connection import Connection, StaleConnectionError, connect

IDLE = 15.0  # seconds for which a connection is kept that nobody uses
AGE = 300.0  # seconds after which a name is looked up again, however busy its connections are
MOST_KEPT = 256  # connections to one place


class Caller:
    """Keeps connections for calls that may be repeated. Used on one event loop."""

    def __init__(self) -> None:
        self._kept: defaultdict[Place, deque[Connection]] = defaultdict(
            deque
        )  # the last one used stands last
        self._sweep: asyncio.TimerHandle | None = None
        self._is_open = True

    async def send(self, call: Call) -> Answer:
        """What comes back, whatever its status. Raises: CallError."""
        parts = urlsplit(call.url)
        place, data = place_of(call, parts), written(call, parts)
        try:
            async with asyncio.timeout(call.timeout):
                return await self._ask(place, data, repeatable=call.repeatable)
        except BrokenAnswerError as error:
            raise CallError(f"{place} did not answer: {error}") from None
        except OSError as error:
            raise CallError(f"{place} did not answer: {str(error) or 'timed out'}") from None

    def close(self) -> None:
        """Give up the connections."""
        self._is_open = False
        if self._sweep:
            self._sweep.cancel()
        for kept in self._kept.values():
            for connection in kept:
                connection.close()
        self._kept.clear()

    async def _ask(self, place: Place, data: bytes, *, repeatable: bool) -> Answer:
        if repeatable and (kept := self._take(place)):
            try:
                return await self._ask_by(kept, place, data)
            except StaleConnectionError:
                pass  # it was closed while nobody used it
        return await self._ask_by(await connect(place, await _address(place)), place, data)

    async def _ask_by(self, connection: Connection, place: Place, data: bytes) -> Answer:
        try:
            return await connection.ask(data)
        finally:
            self._keep(place, connection)

    def _take(self, place: Place) -> Connection | None:
        kept = self._kept.get(place)
        while kept:
            connection = kept.pop()
            if connection.is_ready and connection.since > asyncio.get_running_loop().time() - AGE:
                return connection
            connection.close()
        return None

    def _keep(self, place: Place, connection: Connection) -> None:
        kept = self._kept[place]
        if not connection.is_ready or not self._is_open or len(kept) >= MOST_KEPT:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle = loop.time()
        kept.append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE, self._sweep_idle)

    def _sweep_idle(self) -> None:
        """Close what nobody used for a while."""
        loop = asyncio.get_running_loop()
        for place, kept in list(self._kept.items()):
            while kept and (kept[0].idle <= loop.time() - IDLE or not kept[0].is_ready):
                kept.popleft().close()
            if not kept:
                del self._kept[place]
        self._sweep = loop.call_later(IDLE, self._sweep_idle) if self._kept else None


async def _address(place: Place) -> str:
    """Where the host is, looked up once, so that the answer that was checked is the one that is used."""
    addresses = [place.host] if _is_address(place.host) else await _looked_up(place)
    if not place.private and not all(map(is_public, addresses)):
        raise CallError(
            f"{place.host} is an address of a private network; allow it with private = true in its webhook"
        )
    return addresses[0]


async def _looked_up(place: Place) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CallError(f"{place.host} is not known: {error}") from None
    return [str(one[4][0]) for one in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
