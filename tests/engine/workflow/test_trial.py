from __future__ import annotations

import pytest
from yingda.v1 import event_pb2

from engine.servicers.codec_workflow import ProtoWorkflowCodec
from engine.stores.sqlite import SQLiteStore
from engine.workflow.reading import Reading, Recorded
from engine.workflow.rule import AddTags, Condition, Rule, Trigger
from engine.workflow.trial import Rehearsal
from tests.engine.timeline.days import POLICIES, RULES, Day, journal
from tests.fakes import TENANT, Workday, make_desk

CODEC = ProtoWorkflowCodec()


@pytest.mark.parametrize("policy", POLICIES)
def test_rules_tried_on_the_journal_fire_where_they_did_fire(embedded: SQLiteStore, policy: str) -> None:
    desk = make_desk(embedded, policy=POLICIES[policy], workday=Workday(rules=RULES))
    Day(desk, seed=6).open(120)
    entries = list(journal(embedded))
    trials = Rehearsal(TENANT, RULES, 0).run([CODEC.recorded(one) for one in entries])

    did = [
        (one.event.conversation_id, event_pb2.RuleFired.FromString(one.event.data).rule_id, one.event.time_ms)
        for one in entries
        if one.event.kind == "rule_fired"
    ]
    assert sorted((one.conversation_id, one.rule.rule_id, one.time_ms) for one in trials) == sorted(did)
    assert all(one.has_fired for one in trials)


def heard(time_ms: int, conversation_id: str = "c1", intent: str = "a.x") -> Recorded:
    reading = Reading(
        message_id=f"m{time_ms}",
        intent=intent,
        confidence=0.9,
        sentiment=1,
        anger=0.1,
        is_angry=False,
        language="en",
        is_queued=True,
    )
    return Recorded(conversation_id=conversation_id, time_ms=time_ms, reading=reading)


def test_what_was_before_the_moment_counts_for_windows_but_is_not_told() -> None:
    rule = Rule(rule_id="r", then=(AddTags(tags=("a",)),), window_ms=100)
    rehearsal = Rehearsal("shop", [rule], since_ms=50)
    trials = rehearsal.run([heard(10), heard(60), heard(110)])

    assert [one.time_ms for one in trials] == [110]
    assert rehearsal.messages == 2


def test_a_journal_may_come_in_parts() -> None:
    rule = Rule(
        rule_id="r",
        trigger=Trigger.WAITING,
        when=Condition(min_waiting_ms=50, intents=("a.x",)),
        then=(AddTags(tags=("a",)),),
    )
    rehearsal = Rehearsal("shop", [rule], since_ms=0)
    first = rehearsal.run([heard(10)])
    second = rehearsal.run([Recorded(conversation_id="c1", time_ms=70, relaxation=1)])

    assert first == []
    assert [(one.time_ms, one.message_id) for one in second] == [(70, "")]


def test_what_is_remembered_is_bounded_and_what_was_forgotten_is_asked_for() -> None:
    rule = Rule(rule_id="r", then=(AddTags(tags=("a",)),), window_ms=1000)
    rehearsal = Rehearsal("shop", [rule], since_ms=0, most=3)
    first = [heard(number + 1, f"c{number}") for number in range(8)]
    again = [heard(100, "c0"), heard(101, "c7")]
    rehearsal.run(first)
    unknown = rehearsal.unknown(again)
    rehearsal.prepare([one for one in first if one.conversation_id in unknown])

    assert unknown == ["c0"]
    assert rehearsal.run(again) == []  # both within the window
    assert len(rehearsal._pasts) == 3


def test_whoever_reads_a_journal_from_its_beginning_is_asked_for_nothing() -> None:
    assert Rehearsal("shop", [], since_ms=0).unknown([heard(1)]) == []
    assert Rehearsal("shop", [], since_ms=50, is_whole=False).unknown([heard(60)]) == ["c1"]
