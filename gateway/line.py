"""A stream on which batches of single messages go to one engine."""

from __future__ import annotations

import asyncio
from typing import Final

import grpc

_METHOD: Final = "/yingda.v1.EngineService/StreamBatches"
# After these the batch may be sent again as a call of its own, which waits for an engine that is coming back.
_SENT_AGAIN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED})

Stream = grpc.aio.StreamStreamCall[bytes, bytes]


class Line:
    """Carries one batch at a time: a call of its own would cost both services three times as much.

    It is opened when it is first used, and again after it broke; whoever waits meanwhile waits for its turn.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._turn = asyncio.Lock()
        self._stream: Stream | None = None

    async def process(self, frame: bytes, timeout: float) -> bytes | None:
        """A serialised request of ProcessMessages to its response; None where it is to be called instead.

        Raises: AioRpcError.
        """
        async with self._turn:
            stream, self._stream = self._stream or self._open(), None
            try:
                async with asyncio.timeout(timeout):
                    response = await _exchange(stream, frame)
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
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(_METHOD)
        return method()


async def _exchange(stream: Stream, frame: bytes) -> bytes | None:
    """The answer to a frame; None where the engine has left the stream."""
    try:
        await stream.write(frame)
        response = await stream.read()
    except asyncio.InvalidStateError:  # it ended since it was used last
        return None
    except grpc.aio.AioRpcError as error:
        if error.code() in _SENT_AGAIN:
            return None
        raise
    return response if isinstance(response, bytes) else None
