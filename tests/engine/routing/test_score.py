from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Agent, Requirement
from engine.routing.score import Weights, terms
from tests.fakes import make_agent

LOGISTICS = Requirement(skill="logistics", language="zh")
WEIGHTS = Weights(proficiency=10.0, free_capacity=20.0, language=30.0)


def values(agent: Agent, load: int, weights: Weights = WEIGHTS) -> dict[str, float]:
    return {term.name: term.value for term in terms(agent, LOGISTICS, load, weights)}


def total(agent: Agent, load: int) -> float:
    return sum(values(agent, load, Weights()).values())


def test_full_marks_are_the_weights() -> None:
    agent = make_agent(skills={"logistics": 5}, languages=frozenset({"zh"}))

    assert values(agent, 0) == {"proficiency": 10.0, "free_capacity": 20.0, "language": 30.0}


def test_proficiency_counts_in_fifths() -> None:
    assert values(make_agent(skills={"logistics": 2}), 0)["proficiency"] == pytest.approx(4.0)


def test_free_capacity_is_a_share() -> None:
    assert values(make_agent(capacity=4), 3)["free_capacity"] == pytest.approx(5.0)


def test_a_foreign_language_is_worth_nothing() -> None:
    assert values(make_agent(languages=frozenset({"en"})), 0)["language"] == 0


def test_an_agent_without_languages_speaks_any() -> None:
    assert values(make_agent(languages=frozenset()), 0)["language"] == 30.0


@given(proficiency=st.integers(1, 5), capacity=st.integers(1, 1000), share=st.floats(0, 0.999))
def test_every_term_stays_within_its_weight(proficiency: int, capacity: int, share: float) -> None:
    agent = make_agent(skills={"logistics": proficiency}, capacity=capacity)
    found = values(agent, int(capacity * share))

    assert 0 <= found["proficiency"] <= 10
    assert 0 <= found["free_capacity"] <= 20


def test_an_idle_generalist_beats_a_specialist_who_is_nearly_full() -> None:
    generalist = make_agent(skills={"logistics": 2}, capacity=10)
    specialist = make_agent(skills={"logistics": 5}, capacity=10)

    assert total(generalist, 0) < total(specialist, 7)
    assert total(generalist, 0) > total(specialist, 9)


def test_a_shared_language_outweighs_the_rest() -> None:
    stranger = make_agent(skills={"logistics": 5}, capacity=10, languages=frozenset({"en"}))
    speaker = make_agent(skills={"logistics": 1}, capacity=10, languages=frozenset({"zh"}))

    assert total(speaker, 9) > total(stranger, 0)
