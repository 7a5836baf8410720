"""Whether a gRPC server serves, by the standard health protocol."""

from __future__ import annotations

import asyncio

import grpc

# The protocol's two messages are small enough to be written here, so that the client's installation needs no package
# for them. Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
_METHOD = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"  # HealthCheckResponse(status=SERVING)
GATEWAY_SERVICE = "yingda.v1.MessageService"
PATIENCE = 2.0  # seconds for a server that is up


async def is_serving(
    target: str, *, service: str = "", credentials: grpc.ChannelCredentials | None = None
) -> bool:
    """Whether the server there says that it serves. Raises: AioRpcError where none answers, or does not know."""
    opened = (
        grpc.aio.secure_channel(target, credentials) if credentials else grpc.aio.insecure_channel(target)
    )
    async with opened as channel:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)
        return await check(_request(service), timeout=PATIENCE) == _SERVING


async def is_listening(target: str) -> bool:
    """Whether anything accepts connections there; True where the target is a name of another kind."""
    try:
        async with asyncio.timeout(PATIENCE):
            writer = await _connect(target)
    except (OSError, TimeoutError):
        return False
    except ValueError:
        return True
    writer.close()
    return True


def _request(service: str) -> bytes:
    name = service.encode()
    return b"\x0a" + bytes([len(name)]) + name if name else b""


async def _connect(target: str) -> asyncio.StreamWriter:
    """Raises: OSError, or ValueError for a target that is neither "host:port" nor "unix:path"."""
    if target.startswith("unix:"):
        _, writer = await asyncio.open_unix_connection(target.removeprefix("unix:"))
        return writer
    host, _, port = target.rpartition(":")
    _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    return writer
