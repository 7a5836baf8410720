"""An entry without what its customer wrote, was written, or did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.domain import StoredEvent
from engine.timeline import entry

# Fields whose text says what was decided, by and about whom of ours. All other text is taken out, of kinds to come too.
_KEPT = frozenset(
    {
        "agent_id",
        "agent_ids",
        "agent_name",
        "assignee_id",
        "bot_id",
        "bundle_id",
        "conversation_id",
        "from_agent_id",
        "how",
        "intent",
        "in_reply_to_message_id",
        "language",
        "locale",
        "message_id",
        "name",  # of a term of a score
        "other_bundle_id",
        "outcome",
        "policy",
        "policy_version",
        "preferred_agent_id",
        "read_intent",
        "reason",  # made of ids and numbers
        "reply_id",
        "reservation_id",
        "rule_id",
        "shown_reply_ids",
        "skill",
        "tags",
        "target",
        "team",
        "tenant",
        "ticket_id",
    }
)
_READY = frozenset({"suggestions", "auto_reply", "checks"})  # made of the tenant's own replies and rules
_OF_NOBODY = frozenset({"agent_put", "basis_changed", "model_changed", "presence_changed"})


def texts(one: StoredEvent) -> Iterator[str]:
    """What `scrubbed` takes out of it, but for what is the tenant's own."""
    if entry.is_known(one) and one.event.kind not in _OF_NOBODY:
        yield from _texts(entry.payload(one))


def scrubbed(one: StoredEvent) -> bytes | None:
    """Its payload without; None where it stays as it is."""
    if not entry.is_known(one):
        return b""  # of a newer release: what cannot be read cannot be kept either
    if one.event.kind in _OF_NOBODY:
        return None
    payload = entry.payload(one)
    _scrub(payload)
    data: bytes = payload.SerializeToString()
    return None if data == one.event.data or payload == entry.payload(one) else data


def _texts(message: Any) -> Iterator[str]:  # noqa: ANN401
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            yield from (one for one in value.values() if isinstance(one, str))
        elif field.message_type and field.name not in _READY:
            for part in value if field.is_repeated else [value]:
                yield from _texts(part)
        elif field.type == field.TYPE_STRING and field.name not in _KEPT:
            yield from value if field.is_repeated else [value]


def _scrub(message: Any) -> None:  # noqa: ANN401
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            message.ClearField(field.name)
        elif field.message_type:
            for part in value if field.is_repeated else [value]:
                _scrub(part)
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES) and field.name not in _KEPT:
            message.ClearField(field.name)
