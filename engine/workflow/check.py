"""The conditions of a rule as functions of columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.domain import SENTIMENTS
from engine.routing import shift
from engine.workflow.columns import LANGUAGES, Booleans, Columns
from engine.workflow.matcher import Matcher, literal
from engine.workflow.rule import Condition, FactTest, Hours, Trend

TREND = 0.2  # of a probability: less is no rise and no fall
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")
_SHOWN = 80  # characters of a fact in an explanation


@dataclass(frozen=True, slots=True)
class Check:
    """`holds` says so for each row, rightly for those that are alive; `found` says what a row has."""

    name: str
    wanted: str
    holds: Callable[[Columns, Booleans], Booleans]
    found: Callable[[Columns, int], str]


def cheap_checks(when: Condition, vocabulary: Mapping[str, int]) -> list[Check]:
    """Those that `Screen` asks too, one by one. `vocabulary` has a number for each intent of any rule."""
    return [*_of_hours(when.hours), *_of_reading(when, vocabulary), *_of_place(when)]


def costly_checks(when: Condition, matcher: Matcher) -> list[Check]:
    """Those that look at a row at a time: facts and words."""
    return [*map(_of_fact, when.facts), *_of_words(when, matcher)]


def _of_hours(hours: Hours | None) -> Iterator[Check]:
    if hours is None:
        return

    def is_so(columns: Columns) -> bool:
        return shift.is_within(hours.spans, hours.time_zone, columns.now_ms) != hours.outside

    yield Check(
        "hours",
        "outside" if hours.outside else "inside",
        lambda columns, alive: alive if is_so(columns) else np.zeros_like(alive),
        lambda columns, _: "outside" if is_so(columns) == hours.outside else "inside",
    )


def _of_reading(when: Condition, vocabulary: Mapping[str, int]) -> Iterator[Check]:
    if when.intents:
        table = np.zeros(len(vocabulary) + 1, dtype=np.bool_)
        table[[vocabulary[intent] for intent in when.intents]] = True
        yield Check(
            "intents",
            _any(when.intents),
            lambda columns, _: table[columns.codes(vocabulary)],
            lambda columns, row: columns.intents[row],
        )
    yield from _limits(when)
    if when.sentiments:
        wanted = np.array([name in when.sentiments for name in SENTIMENTS], dtype=np.bool_)
        yield Check(
            "sentiments",
            _any(when.sentiments),
            lambda columns, _: wanted[columns.sentiment],
            lambda columns, row: SENTIMENTS[columns.sentiments[row]],
        )
    if when.anger_trend is not Trend.ANY:
        sign = 1 if when.anger_trend is Trend.RISING else -1
        yield Check(
            "anger_trend",
            f"{when.anger_trend} by {TREND} or more",
            lambda columns, _: columns.rise * sign >= TREND,
            lambda columns, row: f"{columns.rise[row]:+.2f}",
        )


def _limits(when: Condition) -> Iterator[Check]:
    if when.min_confidence:
        yield Check(
            "min_confidence",
            f"{when.min_confidence:g} or more",
            lambda columns, _: columns.confidence >= when.min_confidence,
            lambda columns, row: f"{columns.confidences[row]:.3f}",
        )
    if when.min_anger:
        yield Check(
            "min_anger",
            f"{when.min_anger:g} or more",
            lambda columns, _: columns.anger >= when.min_anger,
            lambda columns, row: f"{columns.angers[row]:.3f}",
        )
    if when.max_anger:
        yield Check(
            "max_anger",
            f"{when.max_anger:g} or less",
            lambda columns, _: columns.anger <= when.max_anger,
            lambda columns, row: f"{columns.angers[row]:.3f}",
        )


def _of_place(when: Condition) -> Iterator[Check]:
    if when.channels:
        yield Check(
            "channels",
            _any([str(one) for one in when.channels]),
            lambda columns, _: np.isin(columns.channel, when.channels),
            lambda columns, row: str(columns.channels[row]),
        )
    if when.languages:
        speaks = np.array([*(one in when.languages for one in LANGUAGES), False], dtype=np.bool_)
        yield Check(
            "languages",
            _any(when.languages),
            lambda columns, _: speaks[columns.language],
            lambda columns, row: columns.languages[row],
        )
    yield from _of_conversation(when)


def _of_conversation(when: Condition) -> Iterator[Check]:
    if when.min_vip:
        yield Check(
            "min_vip",
            f"{when.min_vip} or more",
            lambda columns, _: columns.vip >= when.min_vip,
            lambda columns, row: str(columns.vip[row]),
        )
    if when.min_waiting_ms:
        yield Check(
            "min_waiting",
            f"{when.min_waiting_ms / 1000:g} s or more",
            lambda columns, _: columns.waiting >= when.min_waiting_ms,
            lambda columns, row: f"{columns.waiting[row] / 1000:g} s",
        )
    if when.min_relaxation:
        yield Check(
            "min_relaxation",
            f"{when.min_relaxation} or more",
            lambda columns, _: columns.relaxation >= when.min_relaxation,
            lambda columns, row: str(columns.relaxation[row]),
        )


def _of_words(when: Condition, matcher: Matcher) -> Iterator[Check]:
    if when.keywords or when.patterns:
        shown = {literal(one): one for one in when.keywords} | {one: f"/{one}/" for one in when.patterns}
        numbers = {matcher.columns[expression]: text for expression, text in shown.items()}
        wanted = np.array(sorted(numbers), dtype=np.int64)

        def found(columns: Columns, row: int) -> str:
            alive = np.zeros(len(columns), dtype=np.bool_)
            alive[row] = True
            matches = columns.matches(matcher, alive)[row]
            return ", ".join(text for number, text in numbers.items() if matches[number]) or "none of them"

        def holds(columns: Columns, alive: Booleans) -> Booleans:
            held: Booleans = np.any(columns.matches(matcher, alive)[:, wanted], axis=1)
            return held

        yield Check("keywords", _any(list(numbers.values())), holds, found)


def _of_fact(test: FactTest) -> Check:
    def holds(columns: Columns, alive: Booleans) -> Booleans:
        held = np.zeros_like(alive)
        for row in np.flatnonzero(alive).tolist():
            held[row] = fact_holds(test, columns.facts(row).get(test.name, ""))
        return held

    return Check(
        f"facts[{test.name}]",
        _wanted_fact(test),
        holds,
        lambda columns, row: columns.facts(row).get(test.name, "")[:_SHOWN] or "unknown",
    )


def fact_holds(test: FactTest, value: str) -> bool:
    """Whether the value, "" for an unknown one, is as asked."""
    if test.absent or not value:
        return test.absent and not value
    if test.values and value not in test.values:
        return False
    if test.at_least is None and test.at_most is None:
        return True
    number = _NUMBER.search(value.replace(",", ""))
    return (
        number is not None
        and (test.at_least is None or float(number[0]) >= test.at_least)
        and (test.at_most is None or float(number[0]) <= test.at_most)
    )


def _wanted_fact(test: FactTest) -> str:
    if test.absent:
        return "unknown"
    parts = [_any(test.values)] if test.values else []
    if test.at_least is not None:
        parts.append(f"{test.at_least:g} or more")
    if test.at_most is not None:
        parts.append(f"{test.at_most:g} or less")
    return ", ".join(parts) or "known"


def _any(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"any of {', '.join(names)}"
