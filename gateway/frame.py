"""Frames of messages, read so that one bad message spoils itself alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import grpc
from google.protobuf.message import DecodeError
from yingda.service.errors import StatusError
from yingda.v1 import answer_pb2, engine_service_pb2, message_pb2, message_service_pb2

from gateway.limits import MAX_FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame as it came and as it was read; None stands for a message that cannot be read."""

    data: bytes
    messages: Sequence[message_pb2.Message | None]

    def unreadable(self) -> NoReturn:
        """Raises: StatusError, as the check of a message does."""
        raise StatusError(
            grpc.StatusCode.INVALID_ARGUMENT, "message: is no valid yingda.v1.Message; texts must be UTF-8"
        )


def read_frame(data: bytes) -> Frame:
    """From a serialised StreamMessagesRequest. Raises: StatusError where the frame itself is bad."""
    frame = read_messages(data)
    if not 0 < len(frame.messages) <= MAX_FRAME:
        raise StatusError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"messages: has {len(frame.messages)} entries, must have 1 to {MAX_FRAME}",
            field="messages",
        )
    return frame


def read_messages(data: bytes) -> Frame:
    """The same, of any length. Raises: StatusError where the bytes hold no messages."""
    try:
        messages: Sequence[message_pb2.Message | None] = message_service_pb2.StreamMessagesRequest.FromString(
            data
        ).messages
    except DecodeError:
        messages = _read_one_by_one(data)
    return Frame(data=data, messages=messages)


def error_result(message: message_pb2.Message | None, error: StatusError) -> answer_pb2.MessageResult:
    """What a bad message gets instead of an answer."""
    return answer_pb2.MessageResult(
        message_id=message.message_id if message else "",
        error=answer_pb2.MessageError(code=error.number, message=str(error), field=error.field),
    )


def _read_one_by_one(data: bytes) -> list[message_pb2.Message | None]:
    try:
        raw = engine_service_pb2.RawFrame.FromString(data).messages
    except DecodeError:
        raise StatusError(
            grpc.StatusCode.INVALID_ARGUMENT, "the request is not a serialised frame of messages"
        ) from None
    return [_read_one(one) for one in raw]


def _read_one(raw: bytes) -> message_pb2.Message | None:
    try:
        return message_pb2.Message.FromString(raw)
    except DecodeError:
        return None
