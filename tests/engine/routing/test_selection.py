from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Agent, Assignment, Candidate, Exclusion, Outcome, Presence, Requirement
from engine.routing import selection
from engine.routing.score import Weights
from tests.fakes import make_agent

LOGISTICS = Requirement(skill="logistics", language="zh")


def by_id(*agents: Agent) -> dict[str, Agent]:
    return {agent.agent_id: agent for agent in agents}


def select(*agents: Agent, loads: Mapping[str, int] | None = None) -> Assignment:
    return selection.select(by_id(*agents), loads or {}, LOGISTICS, Weights())


def candidates(*agents: Agent, loads: Mapping[str, int] | None = None) -> list[Candidate]:
    return selection.candidates(by_id(*agents), loads or {}, LOGISTICS, Weights())


def test_the_more_proficient_agent_is_chosen() -> None:
    found = select(make_agent("ann", skills={"logistics": 2}), make_agent("bob", skills={"logistics": 4}))

    assert (found.outcome, found.agent_id, found.agent_name) == (Outcome.ASSIGNED, "bob", "Bob")


def test_the_less_loaded_agent_is_chosen() -> None:
    found = select(make_agent("ann", capacity=4), make_agent("bob", capacity=4), loads={"ann": 2, "bob": 1})

    assert found.agent_id == "bob"


def test_an_agent_of_the_language_is_chosen() -> None:
    found = select(
        make_agent("ann", skills={"logistics": 5}, languages=frozenset({"en"})),
        make_agent("bob", skills={"logistics": 1}, languages=frozenset({"zh"})),
    )

    assert found.agent_id == "bob"


def test_an_agent_of_another_language_is_better_than_none() -> None:
    found = select(make_agent(languages=frozenset({"en"})))

    assert found.outcome is Outcome.ASSIGNED


def test_equal_scores_go_to_the_lower_load() -> None:
    # Half of four is the same share as half of two.
    found = select(make_agent("ann", capacity=4), make_agent("bob", capacity=2), loads={"ann": 2, "bob": 1})

    assert found.agent_id == "bob"


def test_equal_scores_and_loads_go_to_the_lower_id() -> None:
    assert select(make_agent("bob"), make_agent("ann"), make_agent("cat")).agent_id == "ann"


def test_an_idle_generalist_is_chosen_once_the_specialist_is_four_fifths_full() -> None:
    specialist = make_agent("ann", skills={"logistics": 5}, capacity=10)
    generalist = make_agent("bob", skills={"logistics": 2}, capacity=10)
    chosen = [select(specialist, generalist, loads={"ann": held}).agent_id for held in (7, 8)]

    assert chosen == ["ann", "bob"]


def test_the_reason_names_ids_and_numbers() -> None:
    found = select(make_agent(capacity=4, skills={"logistics": 3}), make_agent("bob", presence=Presence.AWAY))

    assert found.reason == "best of 1 eligible: logistics 3/5, held 0 of 4, score 1.24"
    assert sum(term.value for term in found.terms) == pytest.approx(1.24)


def test_without_agents_the_reason_says_what_to_do() -> None:
    found = select()

    assert found.outcome is Outcome.QUEUED
    assert (found.agent_id, found.skill, found.terms) == ("", "logistics", ())
    assert found.reason == "no agent is registered; put one with AgentService"


def test_a_queued_conversation_is_told_why_nobody_took_it() -> None:
    found = select(
        make_agent("a", presence=Presence.OFFLINE),
        make_agent("b", presence=Presence.OFFLINE),
        make_agent("c", presence=Presence.BUSY),
        make_agent("d", skills={"finance": 1}),
        make_agent("e", capacity=1),
        loads={"e": 1},
    )

    assert found.outcome is Outcome.QUEUED
    assert found.reason == "nobody eligible for logistics: 2 offline, 1 busy, 1 lacks skill, 1 at capacity"


def test_candidates_are_eligible_ones_first_then_best_first() -> None:
    found = candidates(
        make_agent("away", presence=Presence.AWAY, skills={"logistics": 5}),
        make_agent("weak", skills={"logistics": 1}),
        make_agent("strong", skills={"logistics": 5}),
    )

    assert [one.agent.agent_id for one in found] == ["strong", "weak", "away"]
    assert [one.exclusion for one in found] == [None, None, Exclusion.AWAY]
    assert [one.score > 0 for one in found] == [True, True, False]


AGENTS = st.lists(
    st.builds(
        make_agent,
        st.integers(0, 30).map(str),
        skills=st.dictionaries(st.sampled_from(["logistics", "finance"]), st.integers(1, 5), min_size=1),
        languages=st.sets(st.sampled_from(["zh", "en"])).map(frozenset),
        capacity=st.integers(1, 4),
        presence=st.sampled_from(Presence),
    ),
    max_size=8,
    unique_by=lambda agent: agent.agent_id,
)


@given(agents=AGENTS, held=st.integers(0, 4))
def test_the_chosen_one_is_the_first_candidate(agents: list[Agent], held: int) -> None:
    loads = {agent.agent_id: held for agent in agents}
    chosen = select(*agents, loads=loads)
    seen = candidates(*agents, loads=loads)

    eligible = [one.agent.agent_id for one in seen if one.exclusion is None]
    assert chosen.agent_id == (eligible[0] if eligible else "")
    assert len(seen) == len(agents)


@given(agents=AGENTS, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_roster_decides_nothing(agents: list[Agent], seed: Random) -> None:
    shuffled = list(agents)
    seed.shuffle(shuffled)

    assert select(*agents) == select(*shuffled)
