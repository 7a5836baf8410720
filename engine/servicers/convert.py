"""Protobuf to values and back; pure."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from yingda.v1 import (
    agent_pb2,
    analysis_pb2,
    answer_pb2,
    assignment_pb2,
    conversation_pb2,
    event_pb2,
    message_pb2,
    reply_pb2,
)

from engine.domain import (
    SENTIMENTS,
    Agent,
    AnalysisBatch,
    Assignment,
    AutoReply,
    AutoReplyDecision,
    Candidate,
    Conversation,
    ConversationState,
    Hints,
    Outcome,
    Presence,
    Roster,
    Shift,
    StoredEvent,
    Suggestion,
)
from engine.routing.policy import UNIT
from engine.routing.shift import DAY
from engine.servicers import check

PRESENCE_NUMBERS = {presence: agent_pb2.Presence.Value(f"PRESENCE_{presence.name}") for presence in Presence}
_STATE_NUMBERS = {
    state: conversation_pb2.ConversationState.Value(f"CONVERSATION_STATE_{state.name}")
    for state in ConversationState
}
OUTCOME_NUMBERS = {
    outcome: assignment_pb2.AssignmentOutcome.Value(f"ASSIGNMENT_OUTCOME_{outcome.name}")
    for outcome in Outcome
}
_DECISION_NUMBERS = {
    decision: answer_pb2.AutoReplyDecision.Value(f"AUTO_REPLY_DECISION_{decision.name}")
    for decision in AutoReplyDecision
}
SENTIMENT_NUMBERS = [analysis_pb2.Sentiment.Value(f"SENTIMENT_{name.upper()}") for name in SENTIMENTS]
_EVENT_KINDS = frozenset(field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields)
PRESENCES: dict[int, Presence] = {number: presence for presence, number in PRESENCE_NUMBERS.items()}
STATES: dict[int, ConversationState] = {number: state for state, number in _STATE_NUMBERS.items()}


def analyses_to_proto(batch: AnalysisBatch) -> list[analysis_pb2.Analysis]:
    """One Analysis per row."""
    names = batch.intent_names
    candidates = [
        [
            analysis_pb2.IntentScore(intent=names[column], confidence=confidence)
            for column, confidence in zip(columns, confidences, strict=True)
        ]
        for columns, confidences in zip(
            batch.candidates.tolist(), batch.candidate_confidence.tolist(), strict=True
        )
    ]
    return [
        analysis_pb2.Analysis(
            intent=batch.intents[row],
            confidence=batch.confidence[row],
            skill=batch.skills[row],
            candidates=candidates[row],
            sentiment=SENTIMENT_NUMBERS[batch.sentiments[row]],
            anger=batch.anger[row],
            is_angry=batch.is_angry[row],
            language=batch.languages[row],
            bundle_id=batch.bundle_id,
        )
        for row in range(len(batch.intents))
    ]


def assignment_to_proto(assignment: Assignment) -> assignment_pb2.Assignment:
    """All of it."""
    return assignment_pb2.Assignment(
        outcome=OUTCOME_NUMBERS[assignment.outcome],
        agent_id=assignment.agent_id,
        agent_name=assignment.agent_name,
        skill=assignment.skill,
        reason=assignment.reason,
        terms=[assignment_pb2.ScoreTerm(name=term.name, value=term.value) for term in assignment.terms],
        relaxation=assignment.relaxation,
        reservation_id=assignment.reservation_id,
        policy_version=assignment.policy_version,
    )


def candidate_to_proto(candidate: Candidate) -> assignment_pb2.AssignmentCandidate:
    """All of it."""
    return assignment_pb2.AssignmentCandidate(
        agent_id=candidate.agent.agent_id,
        agent_name=candidate.agent.name,
        exclusion=candidate.exclusion or "",
        score=candidate.score,
        terms=[assignment_pb2.ScoreTerm(name=term.name, value=term.value) for term in candidate.terms],
    )


def suggestion_to_proto(suggestion: Suggestion) -> reply_pb2.Suggestion:
    """All of it."""
    reply = suggestion.reply
    return reply_pb2.Suggestion(
        reply_id=reply.reply_id,
        text=suggestion.text,
        score=suggestion.score,
        similarity=suggestion.similarity,
        slots=suggestion.open_slots,
        title=reply.title,
    )


def auto_reply_to_proto(auto_reply: AutoReply) -> answer_pb2.AutoReply:
    """All of it."""
    return answer_pb2.AutoReply(
        decision=_DECISION_NUMBERS[auto_reply.decision],
        reply_id=auto_reply.reply_id,
        text=auto_reply.text,
        reason=auto_reply.reason,
    )


def hints_from_proto(hints: message_pb2.RoutingHints) -> Hints:
    """All of it."""
    return Hints(
        agent_id=hints.agent_id,
        preferred_agent_id=hints.preferred_agent_id,
        team=hints.team,
        priority=hints.priority,
        vip=hints.vip,
    )


def agent_from_proto(agent: agent_pb2.Agent) -> Agent:
    """As put: presence and load are not the caller's to say. Raises: InvalidArgumentError."""
    check.identifier("agent.agent_id", agent.agent_id)
    check.at_most("agent.name", agent.name, 200)
    check.between("agent.capacity", agent.capacity, 1, 1000)
    check.count("agent.skills", len(agent.skills), 1, 64)
    for skill, proficiency in agent.skills.items():
        check.named(f"agent.skills[{skill!r}]", skill)
        check.between(f"agent.skills[{skill!r}]", proficiency, 1, 5)
    check.count("agent.languages", len(agent.languages), 0, 16)
    for language in agent.languages:
        check.named("agent.languages", language)
    check.count("agent.teams", len(agent.teams), 0, 16)
    for number, team in enumerate(agent.teams):
        check.named(f"agent.teams[{number}]", team)
    check.time_zone("agent.time_zone", agent.time_zone)
    return Agent(
        agent_id=agent.agent_id,
        name=agent.name or agent.agent_id,
        skills=dict(agent.skills),
        languages=frozenset(agent.languages),
        teams=frozenset(agent.teams),
        capacity=agent.capacity * UNIT,
        shifts=_shifts(agent),
        time_zone=agent.time_zone or "UTC",
    )


def agent_to_proto(roster: Roster, agent_id: str) -> agent_pb2.Agent:
    """As the roster has it."""
    row = roster.rows[agent_id]
    agent = profile_to_proto(roster.agents[row])
    agent.presence = PRESENCE_NUMBERS[roster.presences[row]]
    agent.load = int(roster.load[row]) / UNIT
    if expires := optional_timestamp(int(roster.leases[row])):
        agent.presence_expire_time.CopyFrom(expires)
    return agent


def profile_to_proto(agent: Agent) -> agent_pb2.Agent:
    """All but how the agent stands."""
    return agent_pb2.Agent(
        agent_id=agent.agent_id,
        name=agent.name,
        skills=dict(agent.skills),
        languages=sorted(agent.languages),
        teams=sorted(agent.teams),
        capacity=agent.capacity // UNIT,
        shifts=[
            agent_pb2.Shift(weekday=one.weekday, start_minute=one.start_minute, end_minute=one.end_minute)
            for one in agent.shifts
        ],
        time_zone=agent.time_zone,
    )


def _shifts(agent: agent_pb2.Agent) -> tuple[Shift, ...]:
    check.count("agent.shifts", len(agent.shifts), 0, 32)
    for number, one in enumerate(agent.shifts):
        check.between(f"agent.shifts[{number}].weekday", one.weekday, 1, 7)
        check.between(f"agent.shifts[{number}].start_minute", one.start_minute, 0, DAY - 1)
        check.between(f"agent.shifts[{number}].end_minute", one.end_minute, one.start_minute + 1, 2 * DAY)
    return tuple(
        Shift(weekday=one.weekday, start_minute=one.start_minute, end_minute=one.end_minute)
        for one in agent.shifts
    )


def conversation_to_proto(one: Conversation) -> conversation_pb2.Conversation:
    """All of it."""
    return conversation_pb2.Conversation(
        conversation_id=one.conversation_id,
        channel=one.channel,  # type: ignore[arg-type]  # an open enum: any number goes
        customer_id=one.customer_id,
        state=_STATE_NUMBERS[one.state],
        agent_id=one.agent_id,
        skill=one.requirement.skill,
        language=one.requirement.language,
        create_time=timestamp(one.opened_ms),
        update_time=timestamp(one.updated_ms),
        queue_time=optional_timestamp(one.queued_ms),
        reservation_id=one.reservation_id if one.state is ConversationState.OFFERED else "",
        due_time=optional_timestamp(one.due_ms),
        relaxation=one.relaxation,
        anger=one.mood.anger,
        is_angry=one.mood.is_angry,
        participant_agent_ids=one.participants,
        tags=one.tags,
    )


def event_to_proto(stored: StoredEvent) -> event_pb2.Event:
    """With its payload, where this release knows the kind."""
    event = event_pb2.Event(
        sequence=stored.sequence,
        conversation_id=stored.event.conversation_id,
        create_time=timestamp(stored.event.time_ms),
        commit_sequence=stored.commit,
        cause_sequence=stored.cause,
    )
    if stored.event.kind in _EVENT_KINDS:
        getattr(event, stored.event.kind).MergeFromString(stored.event.data)
    return event


def timestamp(time_ms: int) -> Timestamp:
    """From milliseconds since 1970 (UTC)."""
    return Timestamp(seconds=time_ms // 1000, nanos=time_ms % 1000 * 1_000_000)


def optional_timestamp(time_ms: int) -> Timestamp | None:
    """None for 0."""
    return timestamp(time_ms) if time_ms else None


def milliseconds(time: Timestamp | Duration) -> int:
    """Of a moment since 1970, or of a span; 0 where it is absent."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def duration(time_ms: int) -> Duration:
    """A span of as many milliseconds."""
    return Duration(seconds=time_ms // 1000, nanos=time_ms % 1000 * 1_000_000)
