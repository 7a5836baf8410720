from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.roster as rosters
from engine.domain import Agent
from engine.routing.crew import Crew
from engine.routing.policy import Policy
from tests.engine.routing import strategies
from tests.fakes import make_agent, make_crew

AGENTS = st.sampled_from(["a", "ann", "ben", "bob", "cat", "z"]).flatmap(strategies.agents)
QUEUES = [("//1/*",), ("/logistics/1/*", "/finance/1/*"), ("night/*/1/zh",), ("agent/bob",), ("/*/1/*",)]


def alike(one: Crew, other: Crew, now_ms: int) -> bool:
    """Whether both answer every question in the same way."""
    skills = {*one.columns, *other.columns, "none"}
    rows = np.arange(len(one.roster.agents), dtype=np.intp)
    return all(
        (
            one.capacity.tolist() == other.capacity.tolist(),
            one.worth.tolist() == other.worth.tolist(),
            one.working(now_ms).tolist() == other.working(now_ms).tolist(),
            [one.served(row) for row in rows.tolist()] == [other.served(row) for row in rows.tolist()],
            all(one.skill(name).tolist() == other.skill(name).tolist() for name in skills),
            all(one.speaks(name).tolist() == other.speaks(name).tolist() for name in ("zh", "en")),
            all(one.serving(names).tolist() == other.serving(names).tolist() for names in QUEUES),
            all(
                one.serving_among(names, rows).tolist() == other.serving_among(names, rows).tolist()
                for names in QUEUES
            ),
        )
    )


@settings(max_examples=100)
@given(strategies.teams, st.lists(AGENTS, max_size=4), strategies.policies, st.booleans())
def test_a_crew_that_takes_over_is_as_a_new_one(
    team: tuple[Agent, ...], puts: list[Agent], policy: Policy, is_used: bool
) -> None:
    crew = make_crew(*team, policy=policy)
    for agent in puts:
        if is_used:
            assert alike(crew, Crew(crew.roster, policy), strategies.NOW_MS)
        crew = crew.after(rosters.with_agent(crew.roster, agent))

    assert alike(crew, Crew(crew.roster, policy), strategies.NOW_MS)


def test_the_crew_that_was_is_left_alone() -> None:
    before = make_crew(make_agent("ann"), make_agent("cat"))
    after = before.after(rosters.with_agent(before.roster, make_agent("bob", skills={"legal": 5})))

    assert alike(before, Crew(before.roster, before.policy), 0)
    assert after.skill("legal").tolist() == [0, 5, 0]


def test_many_changes_at_once_are_taken_over_as_well() -> None:
    crew = make_crew(make_agent("a000"))
    many = make_crew(*(make_agent(f"a{number:03}") for number in range(100)))

    assert alike(crew.after(many.roster), many, 0)
