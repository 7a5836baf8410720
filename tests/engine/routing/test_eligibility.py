from __future__ import annotations

import pytest

from engine.domain import Exclusion, Presence, Requirement
from engine.routing.eligibility import exclusion
from tests.fakes import make_agent

LOGISTICS = Requirement(skill="logistics", language="zh")


def test_an_online_agent_with_the_skill_and_a_place_is_eligible() -> None:
    assert exclusion(make_agent(capacity=2), LOGISTICS, 1) is None


@pytest.mark.parametrize(
    ("presence", "why"),
    [
        (Presence.OFFLINE, Exclusion.OFFLINE),
        (Presence.AWAY, Exclusion.AWAY),
        (Presence.BUSY, Exclusion.BUSY),
    ],
)
def test_nobody_but_those_online_is_eligible(presence: Presence, why: Exclusion) -> None:
    assert exclusion(make_agent(presence=presence), LOGISTICS, 0) is why


def test_an_agent_without_the_skill_is_not_eligible() -> None:
    assert exclusion(make_agent(skills={"finance": 5}), LOGISTICS, 0) is Exclusion.LACKS_SKILL


@pytest.mark.parametrize("load", [2, 3])
def test_an_agent_without_a_place_is_not_eligible(load: int) -> None:
    assert exclusion(make_agent(capacity=2), LOGISTICS, load) is Exclusion.AT_CAPACITY


def test_a_foreign_language_excludes_nobody() -> None:
    assert exclusion(make_agent(languages=frozenset({"en"})), LOGISTICS, 0) is None


def test_the_first_reason_is_told() -> None:
    agent = make_agent(presence=Presence.AWAY, skills={"finance": 1}, capacity=1)

    assert exclusion(agent, LOGISTICS, 1) is Exclusion.AWAY
