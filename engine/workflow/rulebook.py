"""A tenant's rules, compiled: which of them hold in which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.workflow.check import cheap_checks, costly_checks
from engine.workflow.columns import Columns
from engine.workflow.matcher import Matcher, literal
from engine.workflow.rule import Rule, Trigger, Verdict
from engine.workflow.screen import Screen

_FEW = 8  # rows


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that holds in a row."""

    row: int
    rule: Rule


class _Asked:
    """The rules of one trigger, in their order, as a screen and what it leaves."""

    def __init__(self, rules: Sequence[Rule], vocabulary: Mapping[str, int], matcher: Matcher) -> None:
        self.rules = rules
        self.screen = Screen([one.when for one in rules], vocabulary)
        costly = [costly_checks(one.when, matcher) for one in rules]
        # (number, checks, whether it stops those behind it) where there is more to do than to screen.
        self.special = [
            (number, checks, rule.stop)
            for number, (rule, checks) in enumerate(zip(rules, costly, strict=True))
            if checks or rule.stop
        ]


class Rulebook:
    """Rules are asked in their order. A book is never changed."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = sorted(rules, key=lambda one: one.order)
        intents = dict.fromkeys(intent for one in self.rules for intent in one.when.intents)
        self._vocabulary = {intent: number for number, intent in enumerate(intents, start=1)}
        self._matcher = Matcher([one for rule in self.rules for one in _expressions(rule)])
        self._asked = {
            trigger: _Asked(self._of(trigger), self._vocabulary, self._matcher) for trigger in Trigger
        }

    def has(self, trigger: Trigger) -> bool:
        """Whether any rule is asked then."""
        return bool(self._asked[trigger].rules)

    def match(self, columns: Columns, trigger: Trigger) -> list[Hit]:
        """By row, then in the order of the rules."""
        asked = self._asked[trigger]
        if len(columns) <= _FEW and not _may_any_hold(asked.rules, columns):
            return []
        alive = asked.screen.holds(columns)
        for number, checks, stops in asked.special:
            for check in checks:
                if alive[number].any():
                    alive[number] &= check.holds(columns, alive[number])
            if stops:
                alive[number + 1 :] &= ~alive[number]
        rows, numbers = np.nonzero(alive.T)
        return [
            Hit(row, asked.rules[number]) for row, number in zip(rows.tolist(), numbers.tolist(), strict=True)
        ]

    def verdicts(self, rule: Rule, columns: Columns, row: int) -> list[Verdict]:
        """Every condition of a rule of this book in a row."""
        alive = np.zeros(len(columns), dtype=np.bool_)
        alive[row] = True
        return [
            Verdict(
                name=check.name,
                wanted=check.wanted,
                found=check.found(columns, row),
                holds=bool(check.holds(columns, alive)[row]),
            )
            for check in (
                *cheap_checks(rule.when, self._vocabulary),
                *costly_checks(rule.when, self._matcher),
            )
        ]

    def _of(self, trigger: Trigger) -> list[Rule]:
        return [one for one in self.rules if one.trigger is trigger and not one.disabled]


def _may_any_hold(rules: Sequence[Rule], columns: Columns) -> bool:
    """False where intents and anger alone rule all out: of a few rows that is known before an array is made."""
    intents, anger = set(columns.intents), max(columns.angers)
    return any(
        one.when.min_anger <= anger and not (one.when.intents and intents.isdisjoint(one.when.intents))
        for one in rules
    )


def _expressions(rule: Rule) -> list[str]:
    return [*map(literal, rule.when.keywords), *rule.when.patterns]
