"""A stream on which one caller asks one engine one thing after the other."""

from __future__ import annotations

import asyncio
from typing import Final

import grpc

# After these the same may be asked again with a call of its own, which waits for an engine that is coming back.
_SENT_AGAIN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED})

Stream = grpc.aio.StreamStreamCall[bytes, bytes]


class Line:
    """Carries one request at a time: a call of its own would cost both services three times as much.

    It is opened when it is first used, and again after it broke; whoever waits meanwhile waits for its turn.
    """

    def __init__(self, channel: grpc.aio.Channel, method: str) -> None:
        self._channel = channel
        self._method = method
        self._turn = asyncio.Lock()
        self._stream: Stream | None = None

    @property
    def is_busy(self) -> bool:
        """Whether who asks now would have to wait."""
        return self._turn.locked()

    async def ask(self, request: bytes, timeout: float) -> bytes | None:
        """The response, both serialised; None where a call of its own is to ask instead.

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
        """Let the engine go."""
        if self._stream is not None:
            self._stream.cancel()

    def _open(self) -> Stream:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(self._method)
        return method()


async def _exchange(stream: Stream, request: bytes) -> bytes | None:
    """The answer; None where the engine has left the stream."""
    try:
        await stream.write(request)
        response = await stream.read()
    except asyncio.InvalidStateError:  # it ended since it was used last
        return None
    except grpc.aio.AioRpcError as error:
        if error.code() in _SENT_AGAIN:
            return None
        raise
    return response if isinstance(response, bytes) else None
