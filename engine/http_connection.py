"""One connection by which calls go, one after the other."""

from __future__ import annotations

import asyncio
import functools
import ssl

from engine.http_answer import AnswerReader
from engine.http_call import Answer, BrokenAnswerError, Place


class StaleConnectionError(OSError):
    """A connection that was kept had been closed; the call was not answered in any part."""


class Connection(asyncio.Protocol):
    """Made by `connect`. `since` is the loop's time when it was opened, and `idle` when it was last answered."""

    def __init__(self, now: float) -> None:
        self.since = self.idle = now
        self._transport: asyncio.Transport | None = None
        self._reader: AnswerReader | None = None
        self._answered: asyncio.Future[Answer] | None = None
        self._is_ready = False
        self._is_used = False

    @property
    def is_ready(self) -> bool:
        """Whether a call may go by it now."""
        return self._is_ready

    async def ask(self, data: bytes) -> Answer:
        """The answer to this request; whoever gives up has to `close`. Raises: BrokenAnswerError, OSError."""
        if self._transport is None or not self._is_ready:
            raise StaleConnectionError("closed")
        self._is_ready = False
        self._reader = AnswerReader()
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._answered

    def close(self) -> None:
        """At once, whatever is under way."""
        self._is_ready = False
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._is_ready = True

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: what nobody asked for makes the connection worthless."""
        if self._reader is None:
            self.close()
            return
        try:
            self._reader.feed(data)
        except BrokenAnswerError as error:
            self._fail(error)
            return
        if self._reader.is_whole:
            self._settle(self._reader)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes itself, which tells of what was cut short."""
        self._is_ready = False
        if self._reader is not None and not self._reader.is_untouched:
            self._end(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        self._is_ready = False
        if self._reader is None:
            return
        if not self._reader.is_untouched:
            self._end(self._reader)
        elif self._is_used:
            self._fail(StaleConnectionError("closed"))
        else:
            self._fail(exc or ConnectionResetError("the connection was closed without an answer"))

    def _end(self, reader: AnswerReader) -> None:
        try:
            reader.end()
        except BrokenAnswerError as error:
            self._fail(error)
        else:
            self._settle(reader)

    def _settle(self, reader: AnswerReader) -> None:
        self._is_ready, self._is_used = reader.leaves_connection, True
        answered, self._reader, self._answered = self._answered, None, None
        if answered and not answered.done():
            answered.set_result(reader.answer)

    def _fail(self, error: Exception) -> None:
        answered, self._reader, self._answered = self._answered, None, None
        if answered and not answered.done():
            answered.set_exception(error)
        self.close()


async def connect(place: Place, address: str) -> Connection:
    """To one address, whatever the place's name says by now; by TLS the certificate must be the name's.

    Raises: OSError.
    """
    loop = asyncio.get_running_loop()
    secure = place.scheme == "https"
    trust = await asyncio.to_thread(_trust) if secure else None
    _, connection = await loop.create_connection(
        lambda: Connection(loop.time()),
        address,
        place.port,
        ssl=trust,
        server_hostname=place.host if secure else None,
    )
    return connection


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts, read once."""
    return ssl.create_default_context()
