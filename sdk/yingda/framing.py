"""What a client's calls are made of: frames as requests, seconds as durations."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence

from google.protobuf.duration_pb2 import Duration

from yingda.v1 import message_pb2, message_service_pb2


async def frame_requests(
    frames: AsyncIterable[Sequence[message_pb2.Message]] | Iterable[Sequence[message_pb2.Message]],
    failures: list[Exception],
) -> AsyncIterator[message_service_pb2.StreamMessagesRequest]:
    """A request per frame; what `frames` raises is kept too, since gRPC tells nobody."""
    try:
        async for frame in frames if isinstance(frames, AsyncIterable) else _async(frames):
            yield message_service_pb2.StreamMessagesRequest(messages=frame)
    except Exception as error:
        failures.append(error)
        raise


async def _async(
    frames: Iterable[Sequence[message_pb2.Message]],
) -> AsyncIterator[Sequence[message_pb2.Message]]:
    for frame in frames:
        yield frame


def duration(seconds: float) -> Duration | None:
    """None for 0."""
    return Duration(nanos=round(seconds % 1 * 1e9), seconds=int(seconds)) if seconds else None
