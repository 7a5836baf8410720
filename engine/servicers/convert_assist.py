"""Requests of the AssistService to values; pure."""

from __future__ import annotations

from yingda.v1 import assist_service_pb2 as pb

from engine.assist import fact
from engine.assist.adviser import Returned
from engine.assist.memory import Feedback
from engine.assist.ticket import MAX_TICKET
from engine.assist.wanted import Wanted
from engine.domain import FeedbackOutcome
from engine.servicers import check, convert_reply

DEFAULT_LIMIT = 3
MAX_LIMIT = 20
MAX_TEXT = 8192  # bytes
MAX_ID = 128  # bytes
MAX_FACTS = 64
DEFAULT_MESSAGES, MAX_MESSAGES = 2000, 5000
DEFAULT_GAPS, MAX_GAPS = 20, 100
MAX_TRIALS = 200


def wanted_from_proto(request: pb.SuggestRepliesRequest) -> Wanted:
    """Raises: InvalidArgumentError."""
    check.at_most("typed_text", request.typed_text, MAX_TEXT)
    check.at_most("conversation_id", request.conversation_id, MAX_ID)
    check.one_of("language", request.language, ("", "zh", "en"))
    check.between("limit", request.limit, 0, MAX_LIMIT)
    check.at_most("team", request.team, check.MAX_NAME)
    check.count("facts", len(request.facts), 0, MAX_FACTS)
    for name, value in request.facts.items():
        check.at_most(f"facts[{name!r}]", value, fact.MAX_VALUE)
    if not request.typed_text.strip() and not request.conversation_id:
        raise check.invalid("typed_text", "give typed_text, conversation_id or both")
    return Wanted(
        typed=request.typed_text.strip(),
        conversation_id=request.conversation_id,
        language=request.language,
        team=request.team,
        channel=request.channel,
        facts=dict(request.facts),
        limit=request.limit or DEFAULT_LIMIT,
    )


def feedback_from_proto(request: pb.RecordFeedbackRequest) -> Returned:
    """Raises: InvalidArgumentError."""
    outcome = convert_reply.outcome_from_proto(request.outcome)
    _check_feedback(request, outcome)
    feedback = Feedback(
        request_id=request.request_id,
        shown=tuple(request.shown_reply_ids),
        outcome=outcome,
        reply_id="" if outcome is FeedbackOutcome.IGNORED else request.reply_id,
        reply_text="",
        sent_text=request.sent_text,
    )
    return Returned(feedback=feedback, list_id=request.list_id, conversation_id=request.conversation_id)


def span_from_proto(request: pb.FindGapsRequest) -> tuple[int, int]:
    """Messages to look at and groups to return. Raises: InvalidArgumentError."""
    check.between("messages", request.messages, 0, MAX_MESSAGES)
    check.between("limit", request.limit, 0, MAX_GAPS)
    return request.messages or DEFAULT_MESSAGES, request.limit or DEFAULT_GAPS


def texts_from_proto(request: pb.TryAutoRepliesRequest) -> list[str]:
    """Raises: InvalidArgumentError."""
    check.count("texts", len(request.texts), 1, MAX_TRIALS)
    for text in request.texts:
        check.filled("texts", text, MAX_TEXT)
    return list(request.texts)


def _check_feedback(request: pb.RecordFeedbackRequest, outcome: FeedbackOutcome) -> None:
    check.filled("request_id", request.request_id, MAX_ID)
    check.at_most("list_id", request.list_id, MAX_TICKET)
    check.at_most("conversation_id", request.conversation_id, MAX_ID)
    check.count("shown_reply_ids", len(request.shown_reply_ids), 1, MAX_LIMIT)
    check.at_most("sent_text", request.sent_text, MAX_TEXT)
    if not request.list_id and not request.conversation_id:
        raise check.invalid("list_id", "give list_id, or conversation_id for the list of its last message")
    if len(set(request.shown_reply_ids)) < len(request.shown_reply_ids):
        raise check.invalid("shown_reply_ids", "names a reply twice")
    if outcome is not FeedbackOutcome.IGNORED and request.reply_id not in request.shown_reply_ids:
        raise check.invalid("reply_id", "must be one of shown_reply_ids")
    if outcome is FeedbackOutcome.EDITED and not request.sent_text.strip():
        raise check.invalid("sent_text", "is required where a reply was edited")
