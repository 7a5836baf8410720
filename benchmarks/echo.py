"""A server that does nothing: for each frame or message it gives as many bytes as an answer would have.

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

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE = "yingda.benchmarks.Echo"
STREAM = f"/{SERVICE}/Stream"
UNARY = f"/{SERVICE}/Unary"


async def serve(frame_bytes: int, message_bytes: int, *, with_parent: bool) -> None:
    """Answer every frame and every single message with so many bytes until told to stop."""
    frame_answer, message_answer = bytes(frame_bytes), bytes(message_bytes)

    async def stream(requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        async for _request in requests:
            yield frame_answer

    async def unary(_request: bytes, _: Context) -> bytes:
        return message_answer

    server = lifecycle.make_server(interceptors=[])
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
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
    parser.add_argument("--frame-bytes", type=int, required=True, help="size of a frame's answer")
    parser.add_argument("--message-bytes", type=int, required=True, help="size of a single message's answer")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    args = parser.parse_args()
    lifecycle.configure_logging("echo")
    asyncio.run(serve(args.frame_bytes, args.message_bytes, with_parent=args.with_parent))


if __name__ == "__main__":
    main()
