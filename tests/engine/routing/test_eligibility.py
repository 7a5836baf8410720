from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Conversation, Exclusion, Mood, Presence, Shift
from engine.routing import demand, eligibility, selection
from engine.routing.crew import Crew
from engine.routing.duty import Duties
from engine.routing.policy import Policy
from tests.engine.routing import strategies
from tests.engine.routing.strategies import NOW_MS
from tests.fakes import make_agent, make_conversation, make_crew, make_requirement


def exclusion(crew: Crew, conversation: Conversation) -> Exclusion | None:
    wanted = demand.of(conversation, crew.policy, NOW_MS)
    return eligibility.exclusions(crew, wanted, Duties(crew.roster), NOW_MS)[0]


@given(
    crew=strategies.crews(),
    conversation=strategies.conversations(),
    now_ms=st.integers(NOW_MS, NOW_MS + 7 * 86_400_000),
)
def test_an_agent_is_eligible_exactly_when_nothing_excludes_them(
    crew: Crew, conversation: Conversation, now_ms: int
) -> None:
    wanted, duties = demand.of(conversation, crew.policy, now_ms), Duties(crew.roster)
    why = eligibility.exclusions(crew, wanted, duties, now_ms)

    eligible = set(eligibility.eligible(crew, wanted, duties, now_ms).tolist())
    among = eligibility.eligible(crew, wanted, duties, now_ms, among=np.array([0, 2]))

    assert eligible == {row for row in range(3) if why[row] is None}
    assert set(among.tolist()) == eligible & {0, 2}


@given(crew=strategies.crews(), conversation=strategies.conversations())
def test_the_chosen_agent_is_the_first_that_an_explanation_shows(
    crew: Crew, conversation: Conversation
) -> None:
    wanted, duties = demand.of(conversation, crew.policy, NOW_MS), Duties(crew.roster)

    chosen = selection.choose(crew, wanted, duties, NOW_MS)
    shown = [one for one in selection.candidates(crew, wanted, duties, NOW_MS) if one.exclusion is None]

    assert (chosen.agent_id if chosen else None) == (shown[0].agent.agent_id if shown else None)
    assert not chosen or chosen.terms == shown[0].terms


@pytest.mark.parametrize(
    ("presence", "expected"),
    [
        (Presence.OFFLINE, Exclusion.OFFLINE),
        (Presence.AWAY, Exclusion.AWAY),
        (Presence.BUSY, Exclusion.BUSY),
        (Presence.WRAPPING, Exclusion.WRAPPING),
        (Presence.ONLINE, None),
    ],
)
def test_only_an_agent_who_is_online_is_eligible(presence: Presence, expected: Exclusion | None) -> None:
    crew = make_crew(make_agent(), presences={"ann": presence})

    assert exclusion(crew, make_conversation()) is expected


def test_an_agent_outside_their_shifts_is_off_shift() -> None:
    monday_morning = (Shift(weekday=1, start_minute=480, end_minute=720),)  # NOW_MS is a Monday, 13:46 UTC
    crew = make_crew(make_agent(shifts=monday_morning))

    assert exclusion(crew, make_conversation()) is Exclusion.OFF_SHIFT


def test_an_agent_of_the_asked_for_skill_alone_fits() -> None:
    crew = make_crew(make_agent(skills={"finance": 5}))

    assert exclusion(crew, make_conversation()) is Exclusion.LACKS_SKILL
    assert exclusion(crew, make_conversation(requirement=make_requirement("finance"))) is None


def test_an_explicit_agent_excludes_all_others() -> None:
    wanted = make_conversation(requirement=make_requirement(agent_id="ben"))

    assert exclusion(make_crew(make_agent("ann")), wanted) is Exclusion.NOT_ASKED_FOR
    assert exclusion(make_crew(make_agent("ben", skills={"other": 1})), wanted) is None


def test_an_explicit_team_excludes_agents_of_others() -> None:
    wanted = make_conversation(requirement=make_requirement(team="night"))

    assert exclusion(make_crew(make_agent(teams=frozenset({"day"}))), wanted) is Exclusion.NOT_IN_TEAM
    assert exclusion(make_crew(make_agent(teams=frozenset({"night"}))), wanted) is None


def test_a_language_excludes_only_where_the_policy_requires_it() -> None:
    chinese, strict = make_agent(languages=frozenset({"zh"})), Policy(require_language=True)

    assert exclusion(make_crew(chinese, policy=strict), make_conversation()) is Exclusion.LACKS_LANGUAGE
    assert exclusion(make_crew(chinese), make_conversation()) is None
    assert exclusion(make_crew(make_agent(), policy=strict), make_conversation()) is None


def test_who_declined_is_not_asked_again() -> None:
    crew = make_crew(make_agent("ann"))

    assert exclusion(crew, make_conversation(declined=("ann",))) is Exclusion.DECLINED


def test_an_agent_with_many_angry_customers_in_a_row_gets_a_rest() -> None:
    crew = make_crew(make_agent("ann"), streak={"ann": 2})

    assert exclusion(crew, make_conversation(mood=Mood(anger=0.9, is_angry=True))) is Exclusion.NEEDS_REST
    assert exclusion(crew, make_conversation()) is None


@pytest.mark.parametrize(("channel", "load", "is_free"), [(6, 150, True), (6, 151, False), (1, 150, False)])
def test_a_channel_takes_the_units_that_the_policy_says(channel: int, load: int, is_free: bool) -> None:
    crew = make_crew(make_agent(), policy=Policy(channel_units={6: 50}), load={"ann": load})

    assert (exclusion(crew, make_conversation(channel=channel)) is None) == is_free


def test_a_channel_of_0_units_takes_the_whole_agent() -> None:
    policy, call = Policy(channel_units={2: 0}), make_conversation(channel=2)

    assert exclusion(make_crew(make_agent(), policy=policy), call) is None
    assert exclusion(make_crew(make_agent(), policy=policy, load={"ann": 1}), call) is Exclusion.AT_CAPACITY
