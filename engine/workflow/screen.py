"""The cheap conditions of all rules at once: a few array operations for a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.domain import SENTIMENTS
from engine.routing import shift
from engine.workflow.check import TREND
from engine.workflow.columns import LANGUAGES, Booleans, Columns
from engine.workflow.rule import Condition, Trend

_SIGNS = {Trend.ANY: 0, Trend.RISING: 1, Trend.FALLING: -1}
_Test = Callable[[Columns], Booleans]
_Numbers = Callable[[Columns], npt.NDArray[np.int64]]
_Column = Callable[[Columns], npt.NDArray[np.int64] | npt.NDArray[np.float64]]
_LEAST: Sequence[tuple[Callable[[Condition], float], _Column]] = (
    (lambda when: when.min_confidence, lambda columns: columns.confidence),
    (lambda when: when.min_anger, lambda columns: columns.anger),
    (lambda when: when.min_vip, lambda columns: columns.vip),
    (lambda when: when.min_waiting_ms, lambda columns: columns.waiting),
    (lambda when: when.min_relaxation, lambda columns: columns.relaxation),
)


class Screen:
    """Says of `m` conditions which may hold in which of `n` rows; words and facts are left to the checks."""

    def __init__(self, conditions: Sequence[Condition], vocabulary: Mapping[str, int]) -> None:
        self._count = len(conditions)
        self._tests = [*_tables(conditions, vocabulary), *_limits(conditions), *_others(conditions)]

    def holds(self, columns: Columns) -> Booleans:
        """[m, n]."""
        alive = np.ones((self._count, len(columns)), dtype=np.bool_)
        for test in self._tests:
            alive &= test(columns)
        return alive


def _tables(conditions: Sequence[Condition], vocabulary: Mapping[str, int]) -> Iterator[_Test]:
    """A column of small numbers is looked up in a table of what each condition takes."""
    intents = ["", *vocabulary]
    if table := _table(conditions, lambda when: when.intents, intents):
        yield table(lambda columns: columns.codes(vocabulary))
    if table := _table(conditions, lambda when: when.sentiments, SENTIMENTS):
        yield table(lambda columns: columns.sentiment)
    if table := _table(conditions, lambda when: when.languages, [*LANGUAGES, ""]):
        yield table(lambda columns: columns.language)


def _table(
    conditions: Sequence[Condition], taken: Callable[[Condition], Sequence[str]], names: Sequence[str]
) -> Callable[[_Numbers], _Test] | None:
    if not any(taken(when) for when in conditions):
        return None
    rows = [[not taken(when) or name in taken(when) for name in names] for when in conditions]
    table = np.array(rows, dtype=np.bool_)
    return lambda column: lambda columns: np.take(table, column(columns), axis=1)


def _limits(conditions: Sequence[Condition]) -> Iterator[_Test]:
    for least, column in _LEAST:
        if any(least(when) for when in conditions):
            yield _at_least(column, [least(when) for when in conditions])
    if any(when.max_anger for when in conditions):
        most = np.array([[when.max_anger or np.inf] for when in conditions])
        yield lambda columns: columns.anger <= most


def _at_least(column: _Column, values: Sequence[float]) -> _Test:
    limits = np.array(values)[:, np.newaxis]
    return lambda columns: column(columns) >= limits


def _others(conditions: Sequence[Condition]) -> Iterator[_Test]:
    signs = np.array([[_SIGNS[when.anger_trend]] for when in conditions])
    if signs.any():
        yield lambda columns: (columns.rise * signs >= TREND) | (signs == 0)
    if any(when.channels for when in conditions):
        yield _of_channels(conditions)
    if any(when.hours for when in conditions):
        yield _of_hours(conditions)


def _of_channels(conditions: Sequence[Condition]) -> _Test:
    # The enum is open: a channel is any number, so it has no place in a table.
    wanted = {
        number: [number in when.channels for when in conditions]
        for when in conditions
        for number in when.channels
    }
    takes = {number: np.array(flags, dtype=np.bool_)[:, np.newaxis] for number, flags in wanted.items()}
    any_channel = np.array([[not when.channels] for when in conditions], dtype=np.bool_)

    def test(columns: Columns) -> Booleans:
        held = np.repeat(any_channel, len(columns), axis=1)
        for number, flags in takes.items():
            held |= flags & (columns.channel == number)
        return held

    return test


def _of_hours(conditions: Sequence[Condition]) -> _Test:
    asked = [when.hours for when in conditions]

    def test(columns: Columns) -> Booleans:
        held = [
            one is None or shift.is_within(one.spans, one.time_zone, columns.now_ms) != one.outside
            for one in asked
        ]
        return np.array(held, dtype=np.bool_)[:, np.newaxis]

    return test
