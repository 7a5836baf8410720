from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.roster as rosters
from engine.domain import Agent, Presence
from engine.routing.policy import MINUTE
from engine.routing.standing import Standing
from tests.engine.routing import strategies
from tests.fakes import make_agent, make_crew

STEPS = st.tuples(st.integers(0, 99), st.sampled_from(Presence), st.integers(-200, 200), st.booleans())


@settings(max_examples=100)
@given(strategies.teams, st.lists(STEPS, max_size=8))
def test_what_is_kept_is_what_would_be_found_anew(
    team: tuple[Agent, ...], steps: list[tuple[int, Presence, int, bool]]
) -> None:
    crew = make_crew(*team)
    kept, now_ms = Standing(), strategies.NOW_MS
    for number, presence, units, is_later in steps if team else ():
        agent_id = team[number % len(team)].agent_id
        rosters.set_presence(crew.roster, agent_id, presence, 0)
        rosters.follow(crew.roster, {agent_id: units}, {})
        now_ms += is_later * MINUTE

        assert kept.of(crew, now_ms).tolist() == Standing().of(crew, now_ms).tolist()


def test_many_that_change_at_once_are_all_seen() -> None:
    crew = make_crew(*(make_agent(f"a{number:03}") for number in range(200)))
    kept = Standing()
    kept.of(crew, 0)
    rosters.follow(crew.roster, {agent.agent_id: 100 for agent in crew.roster.agents}, {})

    assert kept.of(crew, 0).tolist() == Standing().of(crew, 0).tolist()


def test_what_was_given_is_the_callers_to_change() -> None:
    crew = make_crew(make_agent("ann"))
    kept = Standing()
    before = kept.of(crew, 0)
    given_out = kept.of(crew, 0)
    given_out[0] = -np.inf

    assert kept.of(crew, 0).tolist() == before.tolist()
