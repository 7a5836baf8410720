from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
import pytest
from yingda.service import lifecycle
from yingda.service.errors import ErrorInterceptor

CALLS = 4000


@pytest.mark.slow
async def test_no_call_of_a_burst_is_cancelled() -> None:
    async def answer(request: bytes, _: object) -> bytes:
        return request

    server = lifecycle.make_server(interceptors=[ErrorInterceptor(lambda _: None)])
    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("s", {"m": handler})])
    address = lifecycle.bind(server, "127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/s/m")
        calls = [call(b"") for _ in range(CALLS)]
        codes = Counter(await asyncio.gather(*(one.code() for one in calls)))
    await server.stop(None)

    assert codes == {grpc.StatusCode.OK: CALLS}
