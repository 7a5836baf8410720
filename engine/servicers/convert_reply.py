"""Canned replies and what is known of them: protobuf to values and back; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from yingda.v1 import assist_service_pb2, reply_pb2, reply_service_pb2

from engine.assist.auto_reply import Policy
from engine.assist.finding import Finding, FindingKind
from engine.assist.gap import Gap
from engine.assist.learning import Record
from engine.assist.rehearsal import Trial
from engine.assist.slot import slots
from engine.domain import FeedbackOutcome, Reply
from engine.errors import InvalidArgumentError
from engine.servicers import check
from engine.servicers.convert import auto_reply_to_proto, timestamp

MAX_QUESTIONS = 50
_OUTCOMES: dict[int, FeedbackOutcome] = {
    assist_service_pb2.FeedbackOutcome.Value(f"FEEDBACK_OUTCOME_{outcome.name}"): outcome
    for outcome in FeedbackOutcome
}
_KINDS = {
    kind: reply_service_pb2.ReplyFindingKind.Value(f"REPLY_FINDING_KIND_{kind.name}") for kind in FindingKind
}


def reply_from_proto(reply: reply_pb2.Reply) -> Reply:
    """With the slots found in its text. Raises: InvalidArgumentError."""
    _check_reply(reply)
    return Reply(
        reply_id=reply.reply_id,
        intent=reply.intent,
        language=reply.language,
        title=reply.title,
        text=reply.text,
        slots=slots(reply.text),
        questions=tuple(reply.questions),
        teams=frozenset(reply.teams),
        channels=frozenset(reply.channels),
        valid_from_ms=_milliseconds(reply.valid_from_time),
        valid_until_ms=_milliseconds(reply.valid_until_time),
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the reply of that number cannot be kept."""

    number: int
    reply_id: str
    error: InvalidArgumentError


def replies_from_proto(
    replies: Sequence[reply_pb2.Reply], most: int, also: Callable[[Reply], None]
) -> tuple[list[Reply], list[Problem]]:
    """Those that can be kept, each with an id of its own, and why the others cannot.

    `also` raises InvalidArgumentError for what else is wrong with one. Raises: InvalidArgumentError for their number.
    """
    check.count("replies", len(replies), 1, most)
    found: dict[str, Reply] = {}
    problems: list[Problem] = []
    for number, one in enumerate(replies):
        try:
            reply = reply_from_proto(one)
            also(reply)
            if reply.reply_id in found:
                raise check.invalid("reply.reply_id", "comes twice")
        except InvalidArgumentError as error:
            problems.append(Problem(number, one.reply_id, error))
        else:
            found[reply.reply_id] = reply
    return list(found.values()), problems


def refuse(problems: Sequence[Problem]) -> None:
    """Raises: InvalidArgumentError, naming the first."""
    if problems:
        first, more = problems[0], len(problems) - 1
        others = f"; {more} more cannot be kept, `validate_only` lists them" if more else ""
        raise check.invalid(
            f"replies[{first.number}]", f"{first.reply_id or 'without an id'}: {first.error}{others}"
        )


def problems_to_proto(problems: Sequence[Problem]) -> list[reply_service_pb2.ReplyProblem]:
    """In order."""
    return [
        reply_service_pb2.ReplyProblem(
            number=one.number, reply_id=one.reply_id, field=one.error.field, problem=one.error.problem
        )
        for one in problems
    ]


def reply_to_proto(reply: Reply) -> reply_pb2.Reply:
    """All of it."""
    return reply_pb2.Reply(
        reply_id=reply.reply_id,
        intent=reply.intent,
        language=reply.language,
        title=reply.title,
        text=reply.text,
        slots=reply.slots,
        questions=reply.questions,
        teams=sorted(reply.teams),
        channels=sorted(reply.channels),  # type: ignore[arg-type]  # an open enum: any number goes
        valid_from_time=_timestamp(reply.valid_from_ms),
        valid_until_time=_timestamp(reply.valid_until_ms),
        update_time=_timestamp(reply.updated_ms),
    )


def outcome_from_proto(number: int) -> FeedbackOutcome:
    """Raises: InvalidArgumentError."""
    if number not in _OUTCOMES:
        raise check.invalid("outcome", "must be ACCEPTED, EDITED or IGNORED")
    return _OUTCOMES[number]


def health_to_proto(reply_id: str, record: Record) -> reply_pb2.ReplyHealth:
    """Its counts."""
    taken = record.accepted + record.edited
    return reply_pb2.ReplyHealth(
        reply_id=reply_id,
        shown=record.shown,
        accepted=record.accepted,
        edited=record.edited,
        reward=record.reward / taken if taken else 0,
        last_taken_time=_timestamp(record.taken_ms),
    )


def findings_to_proto(findings: Sequence[Finding]) -> list[reply_service_pb2.ReplyFinding]:
    """In order."""
    return [
        reply_service_pb2.ReplyFinding(
            kind=_KINDS[one.kind],
            reply_id=one.reply_id,
            other_reply_id=one.other_reply_id,
            message=one.message,
            similarity=one.similarity,
        )
        for one in findings
    ]


def gap_to_proto(gap: Gap) -> assist_service_pb2.Gap:
    """All of it."""
    return assist_service_pb2.Gap(
        messages=gap.messages,
        examples=gap.examples,
        intent=gap.intent,
        language=gap.language,
        similarity=gap.similarity,
    )


def policy_from_proto(policy: assist_service_pb2.AutoReplyPolicy) -> Policy:
    """With defaults where nothing is said. Raises: InvalidArgumentError."""
    check.count("policy.intents", len(policy.intents), 0, 64)
    check.count("policy.reply_ids", len(policy.reply_ids), 0, 1000)
    for field, value, low in (
        ("min_confidence", policy.min_confidence, 0.5),
        ("max_anger", policy.max_anger, 0.0),
        ("min_similarity", policy.min_similarity, -1.0),
    ):
        if value and not low <= value <= 1:
            raise check.invalid(f"policy.{field}", f"is {value:g}, must be {low:g} to 1")
    check.at_most("policy.notice_zh", policy.notice_zh, 512)
    check.at_most("policy.notice_en", policy.notice_en, 512)
    default = Policy()
    return Policy(
        enabled=policy.enabled,
        intents=tuple(policy.intents),
        reply_ids=tuple(policy.reply_ids),
        min_confidence=policy.min_confidence or default.min_confidence,
        max_anger=policy.max_anger or default.max_anger,
        min_similarity=policy.min_similarity or default.min_similarity,
        notice_zh=policy.notice_zh or default.notice_zh,
        notice_en=policy.notice_en or default.notice_en,
    )


def policy_to_proto(policy: Policy) -> assist_service_pb2.AutoReplyPolicy:
    """All of it."""
    return assist_service_pb2.AutoReplyPolicy(
        enabled=policy.enabled,
        intents=policy.intents,
        reply_ids=policy.reply_ids,
        min_confidence=policy.min_confidence,
        max_anger=policy.max_anger,
        min_similarity=policy.min_similarity,
        notice_zh=policy.notice_zh,
        notice_en=policy.notice_en,
    )


def trial_to_proto(trial: Trial) -> assist_service_pb2.AutoReplyTrial:
    """All of it."""
    return assist_service_pb2.AutoReplyTrial(
        intent=trial.intent,
        auto_reply=auto_reply_to_proto(trial.auto_reply),
        confidence=trial.confidence,
    )


def _check_reply(reply: reply_pb2.Reply) -> None:
    check.identifier("reply.reply_id", reply.reply_id)
    check.one_of("reply.language", reply.language, ("zh", "en"))
    check.at_most("reply.intent", reply.intent, 64)
    check.at_most("reply.title", reply.title, 200)
    check.filled("reply.text", reply.text, 4096)
    check.count("reply.questions", len(reply.questions), 0, MAX_QUESTIONS)
    for question in reply.questions:
        check.filled("reply.questions", question, 512)
    check.count("reply.teams", len(reply.teams), 0, 16)
    for team in reply.teams:
        check.named("reply.teams", team)
    check.count("reply.channels", len(reply.channels), 0, 32)
    until = _milliseconds(reply.valid_until_time)
    if until and until <= _milliseconds(reply.valid_from_time):
        raise check.invalid("reply.valid_until_time", "must be after reply.valid_from_time")


def _milliseconds(time: Timestamp) -> int:
    """Since 1970; 0 where absent."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def _timestamp(time_ms: int) -> Timestamp | None:
    return timestamp(time_ms) if time_ms else None
