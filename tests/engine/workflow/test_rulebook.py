from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import SENTIMENTS, Mood, Shift
from engine.workflow.check import cheap_checks, fact_holds
from engine.workflow.columns import Columns
from engine.workflow.rule import AddTags, Condition, FactTest, Hours, Rule, Trend, Trigger
from engine.workflow.rulebook import Rulebook
from engine.workflow.screen import Screen
from tests.fakes import make_conversation, make_requirement

INTENTS = ("a.x", "b.y", "c.z", "out_of_scope")
NOW = 1_700_000_000_000  # a Tuesday, 22:13 UTC
some = st.sampled_from
CONDITIONS = st.builds(
    Condition,
    intents=st.lists(some(INTENTS), max_size=2).map(tuple),
    min_confidence=some([0.0, 0.5, 0.9]),
    sentiments=st.lists(some(SENTIMENTS), max_size=2).map(tuple),
    min_anger=some([0.0, 0.0, 0.4]),
    max_anger=some([0.0, 0.0, 0.6]),
    anger_trend=some(list(Trend)),
    channels=st.lists(some([1, 2, 999]), max_size=2).map(tuple),
    languages=st.lists(some(["zh", "en"]), max_size=2).map(tuple),
    min_vip=some([0, 0, 2]),
    min_waiting_ms=some([0, 0, 5000]),
    min_relaxation=some([0, 0, 3]),
    hours=some(
        [
            None,
            None,
            Hours(spans=(Shift(weekday=2, start_minute=0, end_minute=1440),)),
            Hours(spans=(Shift(weekday=2, start_minute=0, end_minute=60),), outside=True),
            Hours(spans=(Shift(weekday=3, start_minute=0, end_minute=600),), time_zone="Asia/Shanghai"),
        ]
    ),
)


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    count = draw(st.integers(1, 6))

    def each(values: list[object]) -> list[object]:
        return [draw(some(values)) for _ in range(count)]

    conversations = [
        make_conversation(
            f"c{row}",
            queued_ms=draw(some([0, NOW - 4000, NOW - 6000])),
            relaxation=draw(some([0, 2, 4])),
            opened_ms=draw(some([NOW, NOW - 9000])),
            mood=Mood(anger=draw(some([0.0, 0.3, 0.8]))),
            requirement=make_requirement(vip=draw(some([0, 3]))),
        )
        for row in range(count)
    ]
    return Columns(
        now_ms=NOW,
        intents=each([*INTENTS, "never.named"]),  # type: ignore[arg-type]
        confidences=each([0.1, 0.5, 0.95]),  # type: ignore[arg-type]
        sentiments=each([0, 1, 2]),  # type: ignore[arg-type]
        angers=each([0.0, 0.4, 0.5, 0.9]),  # type: ignore[arg-type]
        languages=each(["zh", "en", "fr"]),  # type: ignore[arg-type]
        channels=each([1, 2, 3, 999]),  # type: ignore[arg-type]
        texts=["text"] * count,
        vips=each([0, 1, 2]),  # type: ignore[arg-type]
        conversations=conversations,
        facts_of=lambda _: {},
    )


@given(st.lists(CONDITIONS, min_size=1, max_size=4), columns())
def test_the_screen_says_what_the_checks_say_one_by_one(conditions: list[Condition], rows: Columns) -> None:
    vocabulary = {intent: number for number, intent in enumerate(INTENTS, start=1)}
    screened = Screen(conditions, vocabulary).holds(rows)
    everybody = np.ones(len(rows), dtype=np.bool_)

    for place, when in enumerate(conditions):
        held = np.ones(len(rows), dtype=np.bool_)
        for check in cheap_checks(when, vocabulary):
            held &= check.holds(rows, everybody)
        assert screened[place].tolist() == held.tolist()


@given(st.lists(CONDITIONS, min_size=1, max_size=4), columns())
def test_a_rule_is_hit_where_all_its_verdicts_hold(conditions: list[Condition], rows: Columns) -> None:
    rules = [
        Rule(rule_id=f"r{place}", position=place, when=when, then=(AddTags(tags=("a",)),))
        for place, when in enumerate(conditions)
    ]
    book = Rulebook(rules)
    hits = {(hit.row, hit.rule.rule_id) for hit in book.match(rows, Trigger.MESSAGE)}

    assert hits == {
        (row, rule.rule_id)
        for row in range(len(rows))
        for rule in rules
        if all(one.holds for one in book.verdicts(rule, rows, row))
    }


def test_a_thousand_keywords_are_all_found() -> None:
    words = [f"词{number}号" for number in range(5000)]
    rules = [
        Rule(rule_id=word, when=Condition(keywords=(word,)), then=(AddTags(tags=("a",)),)) for word in words
    ]
    rows = Columns(
        now_ms=NOW,
        intents=["a.x"],
        confidences=[1.0],
        sentiments=[1],
        angers=[0.0],
        languages=["zh"],
        channels=[1],
        texts=["有词7号和词4999号"],
        vips=[0],
        conversations=[make_conversation()],
        facts_of=lambda _: {},
    )

    assert [hit.rule.rule_id for hit in Rulebook(rules).match(rows, Trigger.MESSAGE)] == ["词4999号", "词7号"]


def test_a_fact_is_compared_as_a_number_whatever_its_sign_of_money() -> None:
    test = FactTest(name="amount", at_least=100, at_most=2000)
    values = ["CNY 1,999.90", "¥100", "99.99", "2000.01", "none", ""]

    assert [fact_holds(test, one) for one in values] == [True, True, False, False, False, False]
