"""A server that does nothing: for each frame it takes, it gives as many bytes as an answer would have.

What it costs is the floor below which no gateway in Python can be. Run by `floor.py`: `python -m benchmarks.echo`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import structlog
from yingda.service import lifecycle

SERVICE = "yingda.benchmarks.Echo"
METHOD = f"/{SERVICE}/Stream"


async def serve(answer_bytes: int, *, with_parent: bool) -> None:
    """Answer every frame with so many bytes until told to stop."""
    answer = bytes(answer_bytes)

    async def stream(
        requests: AsyncIterator[bytes], _: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        async for _request in requests:
            yield answer

    server = lifecycle.make_server(interceptors=[])
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(stream)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Stream": method})])
    health = lifecycle.Health(server, [])
    address = lifecycle.bind(server, "127.0.0.1:0")
    await server.start()
    await health.serving()
    structlog.get_logger().info("echo_ready", address=address)
    await lifecycle.until_stopped(with_parent=with_parent)
    await server.stop(None)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.echo", description="Answers frames with bytes."
    )
    parser.add_argument("--answer-bytes", type=int, required=True, help="size of each answer")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    args = parser.parse_args()
    lifecycle.configure_logging("echo")
    asyncio.run(serve(args.answer_bytes, with_parent=args.with_parent))


if __name__ == "__main__":
    main()
