"""Servers that know customers, as slow and as broken as a test wants them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from yingda.v1 import customer_pb2
from yingda.v1 import customer_source_service_pb2 as pb
from yingda.v1 import customer_source_service_pb2_grpc as rpc

Json = Any
ORDERS: Json = {
    "data": {
        "orders": [
            {
                "no": "A1",
                "state": "sent",
                "at": "2026-11-20T10:00:00Z",
                "parcel": {"code": "SF1", "by": "SF"},
            },
            {"no": "A2", "state": "packed", "at": 1795300000, "parcel": None},
        ]
    }
}


@dataclass(slots=True)
class Shop:
    """What a server answers: `delay` seconds late, `status`, `body` or JSON; `asked` are the paths it was asked for."""

    answers: dict[str, Json] = field(default_factory=dict)
    delay: float = 0.0
    status: int = 200
    body: bytes | None = None
    chunks: int = 1
    asked: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of HTTP/1.1, answered and closed."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.asked.append(path)
            self.headers += head.splitlines()[1:]
            await self._answer(path, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked has gone
        finally:
            self._at_once -= 1
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        found = self.answers.get(path)
        status = self.status if found is not None or self.body is not None else 404
        body = self.body if self.body is not None else json.dumps(found).encode()
        await asyncio.sleep(self.delay / 2)
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        size = max(len(body) // self.chunks, 1)
        for start in range(0, len(body), size):
            await writer.drain()
            await asyncio.sleep(self.delay / 2 / self.chunks)
            writer.write(body[start : start + size])
        await writer.drain()


@asynccontextmanager
async def serving_http(shop: Shop) -> AsyncIterator[str]:
    """Its address, such as http://127.0.0.1:1234."""
    server = await asyncio.start_server(shop.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


class GrpcShop(rpc.CustomerSourceServiceServicer):
    """Answers after `delay` seconds with what `customers` holds; NOT_FOUND for others."""

    def __init__(self, delay: float = 0.0) -> None:
        self.customers: dict[str, customer_pb2.Customer] = {}
        self.delay = delay
        self.fails = False

    async def FetchCustomer(  # noqa: N802  # gRPC names it
        self, request: pb.FetchCustomerRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.FetchCustomerResponse:
        """See customer_source_service.proto."""
        await asyncio.sleep(self.delay)
        if self.fails:
            await context.abort(grpc.StatusCode.INTERNAL, "broken")
        if request.customer_id not in self.customers:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody")
        return pb.FetchCustomerResponse(customer=self.customers[request.customer_id])


@asynccontextmanager
async def serving_grpc(shop: GrpcShop) -> AsyncIterator[str]:
    """Its address."""
    server = grpc.aio.server()
    rpc.add_CustomerSourceServiceServicer_to_server(shop, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
