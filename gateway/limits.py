"""What a message may be; `proto/yingda/v1/message.proto` states the same limits for callers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

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
MAX_NAME = 64  # bytes
BYTES_PER_CHARACTER = 4  # at most, in UTF-8
MAX_PRIORITY = 10
MAX_VIP = 3
TENANT = re.compile(r"[a-z0-9_-]{1,64}")

Problem = tuple[str, str]  # field, what is wrong


def first_problem(message: message_pb2.Message) -> Problem | None:
    """The first field that breaks a limit, and how; None for a good message."""
    return None if _is_plain(message) else next(_problems(message), None)


def _is_plain(message: message_pb2.Message) -> bool:
    """Whether it is surely good: true of most good messages and of no bad one, and cheaper to find out."""
    return (
        0 < len(message.text) <= MAX_TEXT // BYTES_PER_CHARACTER
        and 0 < len(message.message_id) <= MAX_ID // BYTES_PER_CHARACTER
        and 0 < len(message.conversation_id) + len(message.customer_id) <= MAX_ID // BYTES_PER_CHARACTER
        and message.channel > 0
        and TENANT.fullmatch(message.tenant) is not None
        and not (message.attachments or message.metadata or message.locale or message.HasField("routing"))
    )


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
    yield from _attachment_problems(message.attachments)
    yield from _metadata_problems(message.metadata)
    if message.HasField("routing"):
        yield from _routing_problems(message.routing)


def _too_long(message: message_pb2.Message) -> Iterator[Problem]:
    for field, value, limit in (
        ("message_id", message.message_id, MAX_ID),
        ("conversation_id", message.conversation_id, MAX_ID),
        ("customer_id", message.customer_id, MAX_ID),
        ("text", message.text, MAX_TEXT),
        ("locale", message.locale, MAX_LOCALE),
    ):
        yield from _over(field, value, limit)


def _attachment_problems(attachments: Sequence[message_pb2.Attachment]) -> Iterator[Problem]:
    if len(attachments) > MAX_ATTACHMENTS:
        yield "attachments", f"has {len(attachments)} entries, the limit is {MAX_ATTACHMENTS}"
    for number, attachment in enumerate(attachments):
        if not attachment.url:
            yield f"attachments[{number}].url", "is required"
        yield from _over(f"attachments[{number}].url", attachment.url, MAX_URL)
        yield from _over(f"attachments[{number}].media_type", attachment.media_type, MAX_MEDIA_TYPE)
        if attachment.size_bytes < 0:
            yield f"attachments[{number}].size_bytes", "must be 0 or more"


def _metadata_problems(metadata: Mapping[str, str]) -> Iterator[Problem]:
    if len(metadata) > MAX_METADATA:
        yield "metadata", f"has {len(metadata)} entries, the limit is {MAX_METADATA}"
    for key, value in metadata.items():
        yield from _over("metadata key", key, MAX_METADATA_KEY)
        yield from _over(f"metadata[{key[:MAX_METADATA_KEY]!r}]", value, MAX_METADATA_VALUE)


def _routing_problems(hints: message_pb2.RoutingHints) -> Iterator[Problem]:
    if not 0 <= hints.priority <= MAX_PRIORITY:
        yield "routing.priority", f"must be 0 to {MAX_PRIORITY}"
    if not 0 <= hints.vip <= MAX_VIP:
        yield "routing.vip", f"must be 0 to {MAX_VIP}"
    yield from _over("routing.agent_id", hints.agent_id, MAX_NAME)
    yield from _over("routing.preferred_agent_id", hints.preferred_agent_id, MAX_NAME)
    yield from _over("routing.team", hints.team, MAX_NAME)


def _over(field: str, value: str, limit: int) -> Iterator[Problem]:
    # Most texts need no encoding to be known short enough.
    if len(value) * BYTES_PER_CHARACTER > limit and (size := len(value.encode())) > limit:
        yield field, f"is {size} bytes long, the limit is {limit}"
