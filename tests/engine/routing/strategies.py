"""Random agents, requirements and policies over few names, so that they often meet."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.domain import Agent, Conversation, ConversationState, Mood, Presence, Requirement, Shift
from engine.routing.crew import Crew
from engine.routing.policy import UNIT, Policy
from tests.fakes import make_conversation, make_crew

SKILLS = ("logistics", "finance", "general")
TEAMS = ("day", "night")
AGENTS = ("ann", "ben", "cat")
NOW_MS = 1_000_000_000

skills = st.sampled_from(SKILLS)
shifts = st.builds(
    lambda weekday, start, length: Shift(weekday=weekday, start_minute=start, end_minute=start + length),
    st.integers(1, 7),
    st.integers(0, 1439),
    st.integers(1, 1440),
)


def agents(agent_id: str) -> st.SearchStrategy[Agent]:
    """An agent of this name."""
    return st.builds(
        Agent,
        agent_id=st.just(agent_id),
        name=st.just(agent_id),
        skills=st.dictionaries(skills, st.integers(1, 5), min_size=1),
        languages=st.frozensets(st.sampled_from(("zh", "en"))),
        teams=st.frozensets(st.sampled_from(TEAMS)),
        capacity=st.integers(1, 3).map(lambda chats: chats * UNIT),
        shifts=st.one_of(st.just(()), st.lists(shifts, min_size=1, max_size=3).map(tuple)),
        time_zone=st.sampled_from(("UTC", "Asia/Shanghai", "America/New_York")),
    )


teams = st.tuples(*(agents(one) for one in AGENTS))
presences = st.fixed_dictionaries({one: st.sampled_from(Presence) for one in AGENTS})
loads = st.fixed_dictionaries({one: st.sampled_from((0, 50, 100, 200, 300)) for one in AGENTS})
streaks = st.fixed_dictionaries({one: st.integers(0, 3) for one in AGENTS})

policies = st.builds(
    Policy,
    require_language=st.booleans(),
    min_proficiency=st.integers(1, 5),
    neighbours=st.dictionaries(skills, st.lists(skills, max_size=2).map(tuple), max_size=2),
    overflow_team=st.sampled_from(("", *TEAMS)),
    second_skill=st.sampled_from((0.0, 0.3, 1.0)),
    channel_units=st.dictionaries(st.sampled_from((1, 6)), st.sampled_from((0, 50, 100, 200))),
    max_angry_streak=st.integers(1, 3),
)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    """Any, with explicit agents and teams now and then."""
    asked = draw(st.dictionaries(skills, st.sampled_from((0.1, 0.3, 0.6, 1.0)), min_size=1))
    return Requirement(
        skill=next(iter(asked)),
        skills=asked,
        language=draw(st.sampled_from(("zh", "en"))),
        agent_id=draw(st.sampled_from(("", "", "ann", "nobody"))),
        preferred_agent_id=draw(st.sampled_from(("", "ben"))),
        team=draw(st.sampled_from(("", "", *TEAMS))),
        priority=draw(st.integers(0, 10)),
        vip=draw(st.integers(0, 3)),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Waiting, at any step of the ladder."""
    return make_conversation(
        channel=draw(st.sampled_from((1, 6))),
        state=ConversationState.WAITING,
        requirement=draw(requirements()),
        relaxation=draw(st.integers(0, 4)),
        declined=draw(st.lists(st.sampled_from(AGENTS), unique=True, max_size=2).map(tuple)),
        last_agent_id=draw(st.sampled_from(("", "cat"))),
        last_agent_ms=NOW_MS,
        mood=draw(st.sampled_from((Mood(), Mood(anger=0.9, is_angry=True)))),
    )


@st.composite
def crews(draw: st.DrawFn) -> Crew:
    """Three agents, however they stand."""
    return make_crew(
        *draw(teams),
        policy=draw(policies),
        presences=draw(presences),
        load=draw(loads),
        streak=draw(streaks),
    )
