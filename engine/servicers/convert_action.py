"""What rules do: protobuf to values and back; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yingda.v1 import rule_pb2

from engine.assist.slot import slots
from engine.errors import InvalidArgumentError
from engine.servicers import check
from engine.servicers.convert import duration, milliseconds
from engine.workflow.rule import (
    ACTION_NAMES,
    SUPERVISORS,
    Action,
    AddTags,
    AssignTeam,
    CallWebhook,
    CloseConversation,
    Escalate,
    OpenTicket,
    SendReply,
    SetPriority,
)
from engine.workflow.ticket import MAX_FACTS, MAX_TAGS

LANGUAGES = ("zh", "en")


def action_from_proto(action: rule_pb2.RuleAction, key: str) -> Action:
    """Raises: InvalidArgumentError, naming the key."""
    name = action.WhichOneof("action")
    if name is None:
        raise check.invalid(key, f"must be one of {', '.join(_READERS)}")
    return _READERS[name](getattr(action, name), f"{key}.{name}")


def action_to_proto(action: Action) -> rule_pb2.RuleAction:
    """All of it."""
    return rule_pb2.RuleAction(**{ACTION_NAMES[type(action)]: _WRITERS[type(action)](action)})


def tags_from_proto(key: str, tags: Sequence[str], least: int) -> tuple[str, ...]:
    """Each once. Raises: InvalidArgumentError, naming the key."""
    check.count(key, len(tags), least, MAX_TAGS)
    for number, tag in enumerate(tags):
        check.named(f"{key}[{number}]", tag)
    return tuple(dict.fromkeys(tags))


def _open_ticket(action: rule_pb2.OpenTicketAction, key: str) -> Action:
    check.filled(f"{key}.title", action.title, 200)
    _check_template(f"{key}.title", action.title)
    check.between(f"{key}.priority", action.priority, 0, 10)
    check.at_most(f"{key}.team", action.team, check.MAX_NAME)
    check.at_most(f"{key}.assignee_id", action.assignee_id, check.MAX_NAME)
    check.count(f"{key}.facts", len(action.facts), 0, MAX_FACTS)
    if milliseconds(action.due) < 0:
        raise check.invalid(f"{key}.due", "must not be negative")
    return OpenTicket(
        title=action.title,
        priority=action.priority,
        team=action.team,
        assignee_id=action.assignee_id,
        due_ms=milliseconds(action.due),
        facts=tuple(action.facts),
        tags=tags_from_proto(f"{key}.tags", action.tags, 0),
    )


def _open_ticket_to_proto(action: OpenTicket) -> rule_pb2.OpenTicketAction:
    return rule_pb2.OpenTicketAction(
        title=action.title,
        priority=action.priority,
        team=action.team,
        assignee_id=action.assignee_id,
        due=duration(action.due_ms) if action.due_ms else None,
        facts=action.facts,
        tags=action.tags,
    )


def _add_tags(action: rule_pb2.AddTagsAction, key: str) -> Action:
    return AddTags(tags=tags_from_proto(f"{key}.tags", action.tags, 1))


def _set_priority(action: rule_pb2.SetPriorityAction, key: str) -> Action:
    check.between(f"{key}.priority", action.priority, 0, 10)
    return SetPriority(priority=action.priority)


def _assign_team(action: rule_pb2.AssignTeamAction, key: str) -> Action:
    check.named(f"{key}.team", action.team)
    return AssignTeam(team=action.team)


def _auto_reply(action: rule_pb2.AutoReplyAction, key: str) -> Action:
    if not action.texts and not action.reply_ids:
        raise check.invalid(key, 'says nothing; give texts = {zh = "…", en = "…"} or reply_ids')
    for name, texts in (("texts", action.texts), ("reply_ids", action.reply_ids)):
        for language, text in texts.items():
            check.one_of(f"{key}.{name}", language, LANGUAGES)
            check.filled(f"{key}.{name}.{language}", text, 2048)
    for language, text in action.texts.items():
        _check_template(f"{key}.texts.{language}", text)
    # Sorted, so that the first problem is the same each time.
    return SendReply(
        texts=dict(sorted(action.texts.items())), reply_ids=dict(sorted(action.reply_ids.items()))
    )


def _escalate(action: rule_pb2.EscalateAction, key: str) -> Action:
    check.at_most(f"{key}.team", action.team, check.MAX_NAME)
    return Escalate(team=action.team or SUPERVISORS)


def _call_webhook(action: rule_pb2.CallWebhookAction, key: str) -> Action:
    check.named(f"{key}.webhook", action.webhook)
    return CallWebhook(webhook=action.webhook, with_text=action.with_text)


def _close(_: rule_pb2.CloseConversationAction, _key: str) -> Action:
    return CloseConversation()


def _check_template(key: str, text: str) -> None:
    try:
        slots(text)
    except InvalidArgumentError as error:
        raise check.invalid(key, error.problem) from None


_READERS: Mapping[str, Callable[[Any, str], Action]] = {
    "open_ticket": _open_ticket,
    "add_tags": _add_tags,
    "set_priority": _set_priority,
    "assign_team": _assign_team,
    "auto_reply": _auto_reply,
    "escalate": _escalate,
    "call_webhook": _call_webhook,
    "close": _close,
}
_WRITERS: Mapping[type[Action], Callable[[Any], Any]] = {
    OpenTicket: _open_ticket_to_proto,
    AddTags: lambda one: rule_pb2.AddTagsAction(tags=one.tags),
    SetPriority: lambda one: rule_pb2.SetPriorityAction(priority=one.priority),
    AssignTeam: lambda one: rule_pb2.AssignTeamAction(team=one.team),
    SendReply: lambda one: rule_pb2.AutoReplyAction(texts=dict(one.texts), reply_ids=dict(one.reply_ids)),
    Escalate: lambda one: rule_pb2.EscalateAction(team=one.team),
    CallWebhook: lambda one: rule_pb2.CallWebhookAction(webhook=one.webhook, with_text=one.with_text),
    CloseConversation: lambda _: rule_pb2.CloseConversationAction(),
}
