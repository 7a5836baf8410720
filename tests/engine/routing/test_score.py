from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from engine.domain import Agent, Conversation
from engine.routing import demand, score
from engine.routing.crew import Crew
from engine.routing.policy import Policy, Weights
from tests.engine.routing import strategies
from tests.engine.routing.strategies import NOW_MS
from tests.fakes import make_agent, make_conversation, make_crew

WEIGHTS = Weights(proficiency=10, free_capacity=20, language=30, last_agent=40, de_escalation=60)


def values(agent: Agent, conversation: Conversation | None = None, load: int = 0) -> dict[str, float]:
    crew = make_crew(agent, policy=Policy(weights=WEIGHTS))
    wanted = demand.of(conversation or make_conversation(), crew.policy, NOW_MS)
    column = score.matrix(crew, np.array([0]), wanted, np.array([load]))[:, 0]
    return dict(zip(score.NAMES, column.tolist(), strict=True))


def test_full_marks_are_the_weights() -> None:
    found = values(make_agent(skills={"logistics": 5}))

    assert (found["proficiency"], found["free_capacity"], found["language"]) == (10, 20, 30)


def test_proficiency_counts_in_fifths() -> None:
    assert values(make_agent(skills={"logistics": 2}))["proficiency"] == pytest.approx(4)


def test_free_capacity_is_a_share() -> None:
    assert values(make_agent(capacity=400), load=300)["free_capacity"] == pytest.approx(5)


def test_a_load_above_a_lowered_capacity_is_worth_nothing() -> None:
    assert values(make_agent(capacity=100), load=300)["free_capacity"] == 0


def test_a_foreign_language_is_worth_nothing() -> None:
    assert values(make_agent(languages=frozenset({"zh"})))["language"] == 0


def test_a_calm_customer_needs_no_calming() -> None:
    assert values(make_agent(skills={"logistics": 3, "complaint": 5}))["de_escalation"] == 0


@given(crew=strategies.crews(), conversation=strategies.conversations())
def test_every_term_stays_within_its_weight(crew: Crew, conversation: Conversation) -> None:
    wanted = demand.of(conversation, crew.policy, NOW_MS)
    scores = score.matrix(crew, np.arange(3), wanted, crew.roster.load)
    total = sum(wanted.requirement.skills.values())  # probabilities sum to 1 but in these examples

    for name, row in zip(score.NAMES, scores, strict=True):
        most = getattr(crew.policy.weights, name) * (max(total, 1) if name == "proficiency" else 1)
        assert ((row >= 0) & (row <= most + 1e-9)).all()


@given(crew=strategies.crews(), conversation=strategies.conversations())
def test_a_column_is_the_same_computed_alone(crew: Crew, conversation: Conversation) -> None:
    wanted = demand.of(conversation, crew.policy, NOW_MS)
    scores = score.matrix(crew, np.arange(3), wanted, crew.roster.load)

    alone = [score.column(crew, row, wanted, int(crew.roster.load[row])) for row in range(3)]
    assert alone == scores.T.tolist()
