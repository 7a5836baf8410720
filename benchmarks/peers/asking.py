"""How each is asked: texts in, intents out, over its own protocol and kept connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import grpc

from benchmarks.errors import BenchmarkError
from benchmarks.peers import inference

PATIENCE = 600.0  # seconds that a batch may take, on a busy machine too
_LARGEST = 2**26  # bytes of a response


class Ask(Protocol):
    """Safe to call from several tasks."""

    async def __call__(self, texts: Sequence[str]) -> list[str]:
        """The intent of each. Raises: BenchmarkError."""
        ...


class Web:
    """POST /intents over as many kept connections as are needed at once."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __call__(self, texts: Sequence[str]) -> list[str]:
        """See Ask."""
        body = json.dumps({"texts": list(texts)}, ensure_ascii=False).encode()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await self._connection()
            writer.write(
                b"POST /intents HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (self._host.encode(), len(body))
                + body
            )
            status, answer = await _read(reader)
        self._idle.append((reader, writer))
        if status != b"200":
            raise BenchmarkError(f"a peer answered with status {status.decode()}: {answer[:200]!r}")
        intents: list[str] = json.loads(answer)["intents"]
        return intents

    async def close(self) -> None:
        """Give up the connections."""
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A kept one that the server has not closed meanwhile, or a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await self._connect()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:  # its port is told just before it listens; the caller's timeout ends this
            try:
                return await asyncio.open_connection(self._host, self._port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    size = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    return lines[0].split()[1], await reader.readexactly(size)


@asynccontextmanager
async def over_http(address: str) -> AsyncIterator[Ask]:
    """Of a service on FastAPI."""
    web = Web(address)
    try:
        yield web
    finally:
        await web.close()


@asynccontextmanager
async def over_inference(address: str) -> AsyncIterator[Ask]:
    """Of a server of the open inference protocol."""
    options = [("grpc.max_receive_message_length", _LARGEST), ("grpc.max_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(inference.METHOD)

        async def ask(texts: Sequence[str]) -> list[str]:
            try:
                answer = await method(inference.request(texts), timeout=PATIENCE, wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                raise BenchmarkError(f"a peer refused: {error.code().name}, {error.details()}") from error
            return inference.intents(answer)

        yield ask
