"""Rules: protobuf to values and back; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yingda.v1 import rule_pb2

from engine.domain import SENTIMENTS
from engine.servicers import check
from engine.servicers.convert import SENTIMENT_NUMBERS, duration, milliseconds, optional_timestamp
from engine.servicers.convert_action import action_from_proto, action_to_proto
from engine.servicers.convert_condition import hours_from_proto, hours_to_proto
from engine.workflow.matcher import check_pattern
from engine.workflow.rule import DAY_MS, Condition, FactTest, Rule, Trend, Trigger, Verdict

MAX_ACTIONS = 8
MAX_KEYWORDS = 256
MAX_PATTERNS = 64
MAX_FACTS = 16
MAX_WINDOW_MS = 366 * DAY_MS
_DIGITS = 6  # of a probability: a float of the wire is no more precise
_SENTIMENTS = dict(zip(SENTIMENT_NUMBERS, SENTIMENTS, strict=True))
_NUMBERS = {name: number for number, name in _SENTIMENTS.items()}
_TRIGGERS: Mapping[int, Trigger] = {
    rule_pb2.RULE_TRIGGER_UNSPECIFIED: Trigger.MESSAGE,
    rule_pb2.RULE_TRIGGER_MESSAGE: Trigger.MESSAGE,
    rule_pb2.RULE_TRIGGER_WAITING: Trigger.WAITING,
}
_TRENDS: Mapping[int, Trend] = {
    rule_pb2.ANGER_TREND_UNSPECIFIED: Trend.ANY,
    rule_pb2.ANGER_TREND_RISING: Trend.RISING,
    rule_pb2.ANGER_TREND_FALLING: Trend.FALLING,
}
_TREND_NUMBERS = {
    Trend.ANY: rule_pb2.ANGER_TREND_UNSPECIFIED,
    Trend.RISING: rule_pb2.ANGER_TREND_RISING,
    Trend.FALLING: rule_pb2.ANGER_TREND_FALLING,
}


def rule_from_proto(rule: rule_pb2.Rule, key: str = "rule") -> Rule:
    """Raises: InvalidArgumentError, naming the key."""
    check.identifier(f"{key}.rule_id", rule.rule_id)
    check.at_most(f"{key}.description", rule.description, 500)
    check.between(f"{key}.position", rule.position, 0, 10_000)
    check.count(f"{key}.then", len(rule.then), 1, MAX_ACTIONS)
    if rule.trigger not in _TRIGGERS:
        raise check.invalid(f"{key}.trigger", "must be message or waiting")
    return Rule(
        rule_id=rule.rule_id,
        description=rule.description,
        disabled=rule.disabled,
        trigger=_TRIGGERS[rule.trigger],
        when=condition_from_proto(rule.when, f"{key}.when"),
        then=tuple(action_from_proto(one, f"{key}.then[{n}]") for n, one in enumerate(rule.then)),
        window_ms=_window(rule, f"{key}.window"),
        position=rule.position,
        stop=rule.stop,
        updated_ms=milliseconds(rule.update_time),
    )


def rules_from_proto(rules: Sequence[rule_pb2.Rule], most: int) -> list[Rule]:
    """Each with an id of its own. Raises: InvalidArgumentError, naming the rule and the key."""
    check.count("rules", len(rules), 0, most)
    found: dict[str, Rule] = {}
    for number, one in enumerate(rules):
        rule = rule_from_proto(one, f"rules[{number}]")
        if rule.rule_id in found:
            raise check.invalid(f"rules[{number}].rule_id", f"{rule.rule_id} comes twice")
        found[rule.rule_id] = rule
    return list(found.values())


def rule_to_proto(rule: Rule) -> rule_pb2.Rule:
    """All of it."""
    return rule_pb2.Rule(
        rule_id=rule.rule_id,
        description=rule.description,
        disabled=rule.disabled,
        trigger=rule_pb2.RuleTrigger.Value(f"RULE_TRIGGER_{rule.trigger.name}"),
        when=condition_to_proto(rule.when),
        then=[action_to_proto(one) for one in rule.then],
        window=duration(rule.window_ms),
        position=rule.position,
        stop=rule.stop,
        update_time=optional_timestamp(rule.updated_ms),
    )


def condition_from_proto(when: rule_pb2.RuleCondition, key: str) -> Condition:
    """Raises: InvalidArgumentError, naming the key."""
    _check_lists(when, key)
    _check_numbers(when, key)
    if when.anger_trend not in _TRENDS:
        raise check.invalid(f"{key}.anger_trend", "must be rising or falling")
    return Condition(
        intents=tuple(when.intents),
        min_confidence=round(when.min_confidence, _DIGITS),
        sentiments=tuple(_SENTIMENTS[one] for one in when.sentiments),
        min_anger=round(when.min_anger, _DIGITS),
        max_anger=round(when.max_anger, _DIGITS),
        anger_trend=_TRENDS[when.anger_trend],
        channels=tuple(when.channels),
        languages=tuple(when.languages),
        min_vip=when.min_vip,
        min_waiting_ms=milliseconds(when.min_waiting),
        min_relaxation=when.min_relaxation,
        hours=hours_from_proto(when.hours, f"{key}.hours") if when.HasField("hours") else None,
        keywords=tuple(when.keywords),
        patterns=tuple(when.patterns),
        facts=tuple(_fact_from_proto(one, f"{key}.facts[{n}]") for n, one in enumerate(when.facts)),
    )


def condition_to_proto(when: Condition) -> rule_pb2.RuleCondition:
    """All of it."""
    return rule_pb2.RuleCondition(
        intents=when.intents,
        min_confidence=when.min_confidence,
        sentiments=[_NUMBERS[one] for one in when.sentiments],
        min_anger=when.min_anger,
        max_anger=when.max_anger,
        anger_trend=_TREND_NUMBERS[when.anger_trend],
        channels=when.channels,  # type: ignore[arg-type]  # an open enum: any number goes
        languages=when.languages,
        min_vip=when.min_vip,
        min_waiting=duration(when.min_waiting_ms) if when.min_waiting_ms else None,
        min_relaxation=when.min_relaxation,
        hours=hours_to_proto(when.hours) if when.hours else None,
        keywords=when.keywords,
        patterns=when.patterns,
        facts=[
            rule_pb2.FactCondition(
                name=one.name,
                absent=one.absent,
                values=one.values,
                at_least=one.at_least,
                at_most=one.at_most,
            )
            for one in when.facts
        ],
    )


def verdicts_to_proto(verdicts: Sequence[Verdict]) -> list[rule_pb2.RuleCheck]:
    """In order."""
    return [
        rule_pb2.RuleCheck(name=one.name, wanted=one.wanted, found=one.found, holds=one.holds)
        for one in verdicts
    ]


def _check_lists(when: rule_pb2.RuleCondition, key: str) -> None:
    check.count(f"{key}.intents", len(when.intents), 0, 64)
    for number, intent in enumerate(when.intents):
        check.named(f"{key}.intents[{number}]", intent)
    for number, sentiment in enumerate(when.sentiments):
        if sentiment not in _SENTIMENTS:
            raise check.invalid(f"{key}.sentiments[{number}]", "must be negative, neutral or positive")
    check.count(f"{key}.channels", len(when.channels), 0, 32)
    for number, language in enumerate(when.languages):
        check.one_of(f"{key}.languages[{number}]", language, ("zh", "en"))
    check.count(f"{key}.keywords", len(when.keywords), 0, MAX_KEYWORDS)
    for number, keyword in enumerate(when.keywords):
        check.filled(f"{key}.keywords[{number}]", keyword, 128)
    check.count(f"{key}.patterns", len(when.patterns), 0, MAX_PATTERNS)
    for number, pattern in enumerate(when.patterns):
        check.filled(f"{key}.patterns[{number}]", pattern, 512)
        check_pattern(f"{key}.patterns[{number}]", pattern)
    check.count(f"{key}.facts", len(when.facts), 0, MAX_FACTS)


def _check_numbers(when: rule_pb2.RuleCondition, key: str) -> None:
    for name in ("min_confidence", "min_anger", "max_anger"):
        value = getattr(when, name)
        if not 0 <= value <= 1:
            raise check.invalid(f"{key}.{name}", f"is {value:g}, must be 0 to 1")
    if when.max_anger and when.min_anger > when.max_anger:
        raise check.invalid(f"{key}.min_anger", "is above max_anger, so the rule would never hold")
    check.between(f"{key}.min_vip", when.min_vip, 0, 3)
    check.between(f"{key}.min_relaxation", when.min_relaxation, 0, 4)
    if milliseconds(when.min_waiting) < 0:
        raise check.invalid(f"{key}.min_waiting", "must not be negative")


def _fact_from_proto(fact: rule_pb2.FactCondition, key: str) -> FactTest:
    check.named(f"{key}.name", fact.name)
    check.count(f"{key}.values", len(fact.values), 0, 64)
    for number, value in enumerate(fact.values):
        check.filled(f"{key}.values[{number}]", value, 256)
    has_limit = fact.HasField("at_least") or fact.HasField("at_most")
    if fact.absent and (fact.values or has_limit):
        raise check.invalid(f"{key}.absent", "says that it is not known; give no values and no limits")
    return FactTest(
        name=fact.name,
        absent=fact.absent,
        values=tuple(fact.values),
        at_least=fact.at_least if fact.HasField("at_least") else None,
        at_most=fact.at_most if fact.HasField("at_most") else None,
    )


def _window(rule: rule_pb2.Rule, key: str) -> int:
    if not rule.HasField("window"):
        return DAY_MS
    window_ms = milliseconds(rule.window)
    if not 0 <= window_ms <= MAX_WINDOW_MS:
        raise check.invalid(key, "must be 0 s to 366 days")
    return window_ms
