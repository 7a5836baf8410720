"""A stream on which requests go to one server, each answered before the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

import grpc

Request = TypeVar("Request")
Response = TypeVar("Response")

# After these the request may be sent again as a call of its own, which waits for a server that is coming back.
_SENT_AGAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED})


class Line(Generic[Request, Response]):
    """Carries one request at a time: a call of its own would cost both sides three times as much.

    It is opened when it is first used, and again after it broke; whoever waits meanwhile waits for its turn.
    """

    def __init__(self, open_stream: Callable[[], grpc.aio.StreamStreamCall[Request, Response]]) -> None:
        self._open = open_stream
        self._turn = asyncio.Lock()
        self._stream: grpc.aio.StreamStreamCall[Request, Response] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether who asks now would have to wait."""
        return self._turn.locked()

    async def ask(self, request: Request, timeout: float) -> Response | None:
        """The response; None where the server left the stream, or knows none: a call of its own is to ask instead.

        Raises: AioRpcError.
        """
        async with self._turn:
            stream, self._stream = self._stream or self._open(), None
            try:
                async with asyncio.timeout(timeout):
                    response = await _exchange(stream, request)
                self._stream = stream if response is not None else None
            except TimeoutError:
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, nothing, nothing) from None
            finally:
                if self._stream is None:
                    stream.cancel()
            return response

    def close(self) -> None:
        """Let the server go."""
        if self._stream is not None:
            self._stream.cancel()


async def _exchange(
    stream: grpc.aio.StreamStreamCall[Request, Response], request: Request
) -> Response | None:
    try:
        await stream.write(request)
        response = await stream.read()
    except asyncio.InvalidStateError:  # it ended since it was used last
        return None
    except grpc.aio.AioRpcError as error:
        if error.code() in _SENT_AGAIN:
            return None
        raise
    return None if response is grpc.aio.EOF else cast("Response", response)
