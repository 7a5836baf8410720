"""What is wrong or doubtful about rules, as far as the tenant and the bundle can tell."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.assist.slot import slots
from engine.domain import OUT_OF_SCOPE
from engine.errors import InvalidArgumentError
from engine.workflow.actor import TICKET
from engine.workflow.rule import (
    OWNER,
    AssignTeam,
    CallWebhook,
    Condition,
    Escalate,
    OpenTicket,
    Rule,
    SendReply,
)

LANGUAGES = ("zh", "en")


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """One thing. `key` is "" where the rule as a whole is meant."""

    level: Level
    rule_id: str
    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is for rules to name."""

    intents: Collection[str]
    webhooks: Collection[str]
    slots: Collection[str]
    reply_ids: Collection[str]
    teams: Collection[str]


def inspect(rules: Sequence[Rule], known: Known) -> list[RuleFinding]:
    """Of all of a tenant's rules, in their order."""
    found: list[RuleFinding] = []
    hidden_by: dict[str, str] = {}  # trigger to the rule behind which none is asked
    for rule in sorted(rules, key=lambda one: one.order):
        if rule.trigger in hidden_by:
            by = hidden_by[rule.trigger]
            found.append(
                _warning(rule, "", f"is never asked: {by} always holds and stops; move it before {by}")
            )
        found += [*_of_condition(rule, known), *_of_actions(rule, known)]
        if rule.stop and rule.when == Condition() and not rule.disabled:
            hidden_by.setdefault(rule.trigger, rule.rule_id)
    return found


def must_be_sound(rule: Rule, known: Known) -> None:
    """Raises: InvalidArgumentError for the first error, naming its key."""
    for finding in (*_of_condition(rule, known), *_of_actions(rule, known)):
        if finding.level is Level.ERROR:
            raise InvalidArgumentError(f"rule.{finding.key}", finding.message)


def _of_condition(rule: Rule, known: Known) -> Iterator[RuleFinding]:
    intents = [*known.intents, OUT_OF_SCOPE]
    for number, intent in enumerate(rule.when.intents):
        if intent not in intents:
            yield _error(rule, f"when.intents[{number}]", _unknown("intent", intent, intents))
    if rule.when == Condition():
        yield _warning(rule, "when", f"is empty: the rule holds for every {rule.trigger}")
    for number, keyword in enumerate(rule.when.keywords):
        if keyword.isascii() and len(keyword) < 3:  # noqa: PLR2004  # "no" stands in "not", "know", "another"
            yield _warning(
                rule, f"when.keywords[{number}]", f"{keyword!r} stands in many words; use a pattern with \\b"
            )


def _of_actions(rule: Rule, known: Known) -> Iterator[RuleFinding]:
    has_ticket = False
    for number, action in enumerate(rule.then):
        key = f"then[{number}]"
        match action:
            case OpenTicket():
                has_ticket = True
                yield from _of_ticket(rule, f"{key}.open_ticket", action, known)
            case SendReply():
                yield from _of_reply(rule, f"{key}.auto_reply", action, known, has_ticket=has_ticket)
            case CallWebhook() if action.webhook not in known.webhooks:
                text = _unknown("webhook", action.webhook, known.webhooks)
                place = f"{key}.call_webhook.webhook"
                yield _error(rule, place, f"{text}; an operator adds it under [engine.webhooks]")
            case AssignTeam() | Escalate() if action.team not in known.teams:
                yield _warning(rule, f"{key}.team", f"no agent is in the team {action.team} yet")


def _of_ticket(rule: Rule, key: str, action: OpenTicket, known: Known) -> Iterator[RuleFinding]:
    yield from _of_template(rule, f"{key}.title", action.title, known)
    if not rule.window_ms:
        yield _warning(rule, "window", "is 0: every message that holds opens a ticket")
    if action.team and action.team not in known.teams:
        yield _warning(rule, f"{key}.team", f"no agent is in the team {action.team} yet")
    if action.assignee_id == OWNER and rule.trigger == "waiting":
        yield _warning(
            rule, f"{key}.assignee_id", "a waiting conversation has no owner, so nobody gets the ticket"
        )


def _of_reply(
    rule: Rule, key: str, action: SendReply, known: Known, *, has_ticket: bool
) -> Iterator[RuleFinding]:
    for language, reply_id in action.reply_ids.items():
        if reply_id not in known.reply_ids:
            text = _unknown("reply", reply_id, known.reply_ids)
            yield _error(rule, f"{key}.reply_ids.{language}", text)
    for language, text in action.texts.items():
        yield from _of_template(rule, f"{key}.texts.{language}", text, known)
        if TICKET in slots(text) and not has_ticket:
            yield _error(
                rule, f"{key}.texts.{language}", "names {ticket_id}, but no open_ticket stands before it"
            )
    wanted = rule.when.languages or LANGUAGES
    for language in wanted:
        if language not in action.texts and language not in action.reply_ids:
            yield _warning(rule, key, f"says nothing in {language}")


def _of_template(rule: Rule, key: str, text: str, known: Known) -> Iterator[RuleFinding]:
    for name in slots(text):
        if name not in known.slots:
            yield _error(rule, key, _unknown("slot", name, known.slots))


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    listed = ", ".join(sorted(known)[:20]) or "none"
    hint = f"did you mean {near[0]}?" if near else f"known are {listed}"
    return f"there is no {what} {name}; {hint}"


def _error(rule: Rule, key: str, message: str) -> RuleFinding:
    return RuleFinding(level=Level.ERROR, rule_id=rule.rule_id, key=key, message=message)


def _warning(rule: Rule, key: str, message: str) -> RuleFinding:
    return RuleFinding(level=Level.WARNING, rule_id=rule.rule_id, key=key, message=message)
