from __future__ import annotations

from engine.analysis.analyzer import Analyzer
from engine.domain import NO_HINTS, Hints, Requirement
from engine.routing.requirement import requirement_of
from tests.fakes import FakeClassifier


def read(text: str, hints: Hints = NO_HINTS) -> Requirement:
    return requirement_of(Analyzer(classifier=FakeClassifier()).analyze([text]), 0, hints)


def test_a_clear_message_asks_for_one_skill() -> None:
    asked = read("shipping.track please")

    assert (asked.skill, asked.language) == ("logistics", "en")
    assert asked.skills == {"logistics": 0.9, "finance": 0.05, "general": 0.05}


def test_two_intents_ask_for_both_skills() -> None:
    asked = read("refund.request and shipping.track")

    assert {skill: share for skill, share in asked.skills.items() if share > 0.1} == {
        "logistics": 0.49,
        "finance": 0.49,
    }


def test_what_is_out_of_scope_asks_for_its_own_skill_alone() -> None:
    asked = read("你好")

    assert (asked.skill, asked.skills, asked.language) == ("general", {"general": 1.0}, "zh")


def test_hints_are_taken_over() -> None:
    hints = Hints(agent_id="ann", preferred_agent_id="ben", team="day", priority=3, vip=2)

    asked = read("shipping.track", hints)

    assert (
        Hints(
            agent_id=asked.agent_id,
            preferred_agent_id=asked.preferred_agent_id,
            team=asked.team,
            priority=asked.priority,
            vip=asked.vip,
        )
        == hints
    )
