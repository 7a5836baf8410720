"""Journals, replays and what was decided again: requests to values, values to responses; pure."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from yingda.v1 import conversation_service_pb2 as pb
from yingda.v1 import event_pb2
from yingda.v1 import model_service_pb2 as model_pb

from engine.servicers import check, convert
from engine.timeline.difference import Redecided
from engine.timeline.feedback import SAID, Row, Source
from engine.timeline.labels import Label
from engine.timeline.listing import EVER, Wanted
from engine.timeline.privacy import Deleted
from engine.timeline.replay import Scene
from engine.timeline.review import Report, Span

MAX_KINDS = 64
MAX_SPEED, MIN_SPEED = 100.0, 0.1
MAX_POLICY = 65536  # bytes
MAX_ID = 128  # bytes
_KINDS = frozenset(field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields)
_SOURCES = {source: model_pb.FeedbackSource.Value(f"FEEDBACK_SOURCE_{source.name}") for source in Source}


def wanted_from_proto(request: pb.ListEventsRequest) -> Wanted:
    """Raises: InvalidArgumentError."""
    check.count("kinds", len(request.kinds), 0, MAX_KINDS)
    for kind in request.kinds:
        if kind not in _KINDS:
            raise check.invalid("kinds", f"{kind[:64]!r} is no kind of event; see Event in event.proto")
    return Wanted(
        tenant=request.tenant,
        conversation_id=request.conversation_id,
        start_ms=milliseconds(request.start_time),
        end_ms=milliseconds(request.end_time) if request.HasField("end_time") else EVER,
        kinds=frozenset(request.kinds),
    )


def span_from_proto(request: pb.RedecideEventsRequest) -> Span:
    """Raises: InvalidArgumentError."""
    check.at_most("conversation_id", request.conversation_id, MAX_ID)
    check.at_most("bundle", request.bundle, check.MAX_NAME)
    check.at_most("policy", request.policy, MAX_POLICY)
    return Span(
        tenant=request.tenant,
        conversation_id=request.conversation_id,
        start_ms=milliseconds(request.start_time),
        end_ms=milliseconds(request.end_time) if request.HasField("end_time") else EVER,
    )


def pace_from_proto(request: pb.ReplayConversationRequest) -> tuple[float, int | None]:
    """The speed, 0 for no waiting, and the longest pause. Raises: InvalidArgumentError."""
    if request.speed and not MIN_SPEED <= request.speed <= MAX_SPEED:
        raise check.invalid("speed", f"is {request.speed:g}, must be 0 or {MIN_SPEED:g} to {MAX_SPEED:g}")
    check.between("max_events", request.max_events, 0, check.MAX_PAGE)
    if not request.HasField("max_pause"):
        return request.speed, None
    return request.speed, max(request.max_pause.ToMilliseconds(), 0)


def label_from_proto(request: pb.LabelMessageRequest) -> Label:
    """Raises: InvalidArgumentError."""
    check.filled("conversation_id", request.conversation_id, MAX_ID)
    check.filled("message_id", request.message_id, MAX_ID)
    check.identifier("intent", request.intent)
    check.at_most("agent_id", request.agent_id, check.MAX_NAME)
    check.at_most("request_id", request.request_id, MAX_ID)
    return Label(
        conversation_id=request.conversation_id,
        message_id=request.message_id,
        intent=request.intent,
        agent_id=request.agent_id,
        request_id=request.request_id,
    )


def asked_for(request: pb.ReplayConversationRequest, shown: Sequence[Scene]) -> Sequence[Scene]:
    """The scenes from where the request begins, as many as it asks for."""
    start_ms = milliseconds(request.start_time)
    found = [
        one
        for one in shown
        if one.entry.sequence > request.after_sequence and one.entry.event.time_ms >= start_ms
    ]
    return found[: request.max_events] if request.max_events else found


def scene_to_proto(scene: Scene) -> pb.ReplayConversationResponse:
    """All of it."""
    after = scene.conversation
    return pb.ReplayConversationResponse(
        event=convert.event_to_proto(scene.entry),
        conversation=convert.conversation_to_proto(after) if after else None,
        elapsed=_duration(scene.elapsed_ms),
    )


def report_to_proto(report: Report) -> pb.RedecideEventsResponse:
    """All of it."""
    return pb.RedecideEventsResponse(
        events=[_redecided_to_proto(one) for one in report.found],
        event_count=report.events,
        different_count=report.different,
        skipped_count=report.skipped,
    )


def row_to_proto(row: Row) -> model_pb.FeedbackRow:
    """All of it."""
    read = row.received.answer.analysis
    return model_pb.FeedbackRow(
        text=row.text,
        language=read.language,
        intent=row.intent,
        skill=row.skill,
        source=_SOURCES[row.source],
        is_weak=row.source not in SAID,
        weight=row.weight,
        read_intent=read.intent,
        read_confidence=read.confidence,
        bundle_id=read.bundle_id,
        channel=row.received.message.channel,
        group=row.group,
        sequence=row.entry.sequence,
        create_time=convert.timestamp(row.entry.event.time_ms),
    )


def deleted_to_proto(deleted: Deleted) -> pb.DeleteCustomerResponse:
    """All of it."""
    return pb.DeleteCustomerResponse(
        conversation_count=deleted.conversations,
        event_count=deleted.entries,
        text_count=deleted.texts,
        remaining_count=deleted.remaining,
        rewriting=deleted.rewriting,
    )


def milliseconds(time: Timestamp) -> int:
    """Since 1970; 0 where absent."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def _redecided_to_proto(one: Redecided) -> pb.RedecidedEvent:
    return pb.RedecidedEvent(
        sequence=one.sequence,
        conversation_id=one.conversation_id,
        create_time=convert.timestamp(one.time_ms),
        kind=one.kind,
        differences=[
            pb.Difference(field=other.field, was=other.was, would_be=other.would_be)
            for other in one.differences
        ],
    )


def _duration(span_ms: int) -> Duration:
    return Duration(seconds=span_ms // 1000, nanos=span_ms % 1000 * 1_000_000)
