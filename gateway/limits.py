"""What a message may be; `proto/yingda/v1/message.proto` states the same limits for callers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yingda.v1 import message_pb2

MAX_FRAME = 512  # messages
MAX_TEXT = 8192  # bytes
MAX_ID = 128  # bytes
MAX_LOCALE = 35  # bytes
MAX_ATTACHMENTS = 16
MAX_URL = 2048  # bytes
MAX_MEDIA_TYPE = 127  # bytes
MAX_METADATA = 32
MAX_METADATA_KEY = 64  # bytes
MAX_METADATA_VALUE = 512  # bytes
TENANT = re.compile(r"[a-z0-9_-]{1,64}")

Problem = tuple[str, str]  # field, what is wrong


def first_problem(message: message_pb2.Message) -> Problem | None:
    """The first field that breaks a limit, and how; None for a good message."""
    return next(_problems(message), None)


def _problems(message: message_pb2.Message) -> Iterator[Problem]:
    if not TENANT.fullmatch(message.tenant):
        yield "tenant", "must be 1 to 64 of a-z, 0-9, '_' and '-'"
    if message.channel <= 0:
        yield "channel", "is required"
    if not message.message_id:
        yield "message_id", "is required: the channel's own id of the message"
    if not message.conversation_id and not message.customer_id:
        yield "customer_id", "is required where conversation_id is empty"
    if not message.text and not message.attachments:
        yield "text", "is empty; a message needs a text or an attachment"
    yield from _too_long(message)
    if message.attachments:
        yield from _attachment_problems(message)
    if message.metadata:
        yield from _metadata_problems(message)


def _too_long(message: message_pb2.Message) -> Iterator[Problem]:
    for field, value, limit in (
        ("message_id", message.message_id, MAX_ID),
        ("conversation_id", message.conversation_id, MAX_ID),
        ("customer_id", message.customer_id, MAX_ID),
        ("text", message.text, MAX_TEXT),
        ("locale", message.locale, MAX_LOCALE),
    ):
        yield from _over(field, value, limit)


def _attachment_problems(message: message_pb2.Message) -> Iterator[Problem]:
    if len(message.attachments) > MAX_ATTACHMENTS:
        yield "attachments", f"has {len(message.attachments)} entries, the limit is {MAX_ATTACHMENTS}"
    for number, attachment in enumerate(message.attachments):
        if not attachment.url:
            yield f"attachments[{number}].url", "is required"
        yield from _over(f"attachments[{number}].url", attachment.url, MAX_URL)
        yield from _over(f"attachments[{number}].media_type", attachment.media_type, MAX_MEDIA_TYPE)
        if attachment.size_bytes < 0:
            yield f"attachments[{number}].size_bytes", "must be 0 or more"


def _metadata_problems(message: message_pb2.Message) -> Iterator[Problem]:
    if len(message.metadata) > MAX_METADATA:
        yield "metadata", f"has {len(message.metadata)} entries, the limit is {MAX_METADATA}"
    for key, value in message.metadata.items():
        yield from _over("metadata key", key, MAX_METADATA_KEY)
        yield from _over(f"metadata[{key[:MAX_METADATA_KEY]!r}]", value, MAX_METADATA_VALUE)


def _over(field: str, value: str, limit: int) -> Iterator[Problem]:
    # A character takes 1 to 4 bytes, so most texts need no encoding to be known short enough.
    if len(value) * 4 > limit and (size := len(value.encode())) > limit:
        yield field, f"is {size} bytes long, the limit is {limit}"
