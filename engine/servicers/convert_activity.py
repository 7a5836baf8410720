"""Activities to what is journaled of them, and back; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yingda.v1 import activity_pb2, event_pb2
from yingda.v1 import conversation_service_pb2 as pb

from engine.customer.activity import Recording, Trail
from engine.domain import StoredEvent
from engine.errors import InvalidArgumentError
from engine.servicers import check, wire
from engine.servicers.convert import timestamp

MAX_ACTIVITIES = 500
MAX_ID = 128  # bytes
MAX_SUBJECT = 512  # bytes
MAX_DETAIL = 128  # bytes
_ACTIVITIES = event_pb2.ActivityRecorded.ACTIVITIES_FIELD_NUMBER


def recording_from_proto(request: pb.RecordActivityRequest) -> Recording:
    """By customer. Raises: InvalidArgumentError."""
    check.count("activities", len(request.activities), 1, MAX_ACTIVITIES)
    check.at_most("request_id", request.request_id, MAX_ID)
    of_customer: dict[tuple[int, str], list[bytes]] = {}
    for number, one in enumerate(request.activities):
        if not _is_valid(one):
            _refuse(f"activities[{number}]", one)
        # As it is journaled: one more entry of ActivityRecorded.activities.
        entry = wire.field(_ACTIVITIES, one.SerializeToString())
        of_customer.setdefault((one.channel, one.customer_id), []).append(entry)
    return Recording(
        tenant=request.tenant,
        trails=[Trail(*customer, b"".join(entries)) for customer, entries in of_customer.items()],
        request_id=request.request_id,
        size=len(request.activities),
    )


def activities_to_proto(events: Sequence[StoredEvent], limit: int) -> list[activity_pb2.Activity]:
    """What they hold, the newest first."""
    found = [one for stored in events for one in _activities(stored)]
    found.sort(key=lambda one: one.time.ToMilliseconds(), reverse=True)
    return found[:limit]


def _is_valid(one: activity_pb2.Activity) -> bool:
    """Checked at once, since it is asked for every page view; characters are at most 4 bytes."""
    return (
        one.channel > 0
        and one.kind > 0
        and 0 < len(one.customer_id) <= MAX_ID // 4
        and len(one.subject) <= MAX_SUBJECT // 4
        and len(one.detail) <= MAX_DETAIL // 4
    )


def _refuse(field: str, one: activity_pb2.Activity) -> None:
    """Say what is wrong, if something is. Raises: InvalidArgumentError."""
    if one.channel <= 0:
        raise InvalidArgumentError(f"{field}.channel", "is required")
    if one.kind <= 0:
        raise InvalidArgumentError(f"{field}.kind", "is required")
    check.filled(f"{field}.customer_id", one.customer_id, MAX_ID)
    check.at_most(f"{field}.subject", one.subject, MAX_SUBJECT)
    check.at_most(f"{field}.detail", one.detail, MAX_DETAIL)


def _activities(stored: StoredEvent) -> Iterator[activity_pb2.Activity]:
    for one in event_pb2.ActivityRecorded.FromString(stored.event.data).activities:
        if not one.HasField("time"):
            one.time.CopyFrom(timestamp(stored.event.time_ms))
        yield one
