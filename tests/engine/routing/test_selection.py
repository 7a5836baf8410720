from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain import Conversation, Exclusion, Mood, Outcome, Presence
from engine.routing import demand, selection
from engine.routing.crew import Crew
from engine.routing.duty import Duties
from engine.routing.policy import MINUTE, Policy, Weights
from tests.engine.routing.strategies import NOW_MS
from tests.fakes import make_agent, make_conversation, make_crew, make_requirement

SKILL_ONLY = Policy(weights=Weights(free_capacity=0, language=0))


def chosen(crew: Crew, conversation: Conversation, now_ms: int = NOW_MS) -> str:
    wanted = demand.of(conversation, crew.policy, now_ms)
    return selection.select(crew, wanted, Duties(crew.roster), now_ms).agent_id


def test_the_more_proficient_of_two_idle_agents_is_chosen() -> None:
    crew = make_crew(make_agent("ann", skills={"logistics": 3}), make_agent("ben", skills={"logistics": 5}))

    assert chosen(crew, make_conversation()) == "ben"


def test_a_doubtful_message_goes_to_a_generalist() -> None:
    crew = make_crew(
        make_agent("ann", skills={"logistics": 5}),
        make_agent("ben", skills={"logistics": 4, "finance": 4}),
        policy=SKILL_ONLY,
    )
    sure = make_requirement(skills={"logistics": 0.9, "finance": 0.1})
    doubtful = make_requirement(skills={"logistics": 0.5, "finance": 0.4})

    assert chosen(crew, make_conversation(requirement=sure)) == "ann"
    assert chosen(crew, make_conversation(requirement=doubtful)) == "ben"


def test_two_intents_go_to_somebody_who_has_both_skills() -> None:
    crew = make_crew(
        make_agent("ann", skills={"logistics": 5}),
        make_agent("ben", skills={"finance": 5}),
        make_agent("cat", skills={"logistics": 3, "finance": 3}),
        policy=SKILL_ONLY,
    )
    both = make_requirement(skills={"logistics": 0.5, "finance": 0.5})

    assert chosen(crew, make_conversation(requirement=both)) == "cat"


def test_load_counts_as_a_share_of_the_capacity() -> None:
    crew = make_crew(
        make_agent("ann", capacity=1000), make_agent("ben", capacity=200), load={"ann": 200, "ben": 100}
    )

    assert chosen(crew, make_conversation()) == "ann"


def test_a_tie_goes_to_the_lower_id() -> None:
    assert chosen(make_crew(make_agent("ben"), make_agent("ann")), make_conversation()) == "ann"


def test_an_agent_who_writes_the_language_is_preferred() -> None:
    crew = make_crew(make_agent("ann", languages=frozenset({"zh"})), make_agent("ben"))

    assert chosen(crew, make_conversation()) == "ben"


def test_the_last_agent_is_preferred_until_that_expires() -> None:
    crew = make_crew(make_agent("ann"), make_agent("ben"))
    conversation = make_conversation(last_agent_id="ben", last_agent_ms=NOW_MS)
    sticky_ms = round(crew.policy.sticky * MINUTE)

    assert chosen(crew, conversation, NOW_MS + sticky_ms) == "ben"
    assert chosen(crew, conversation, NOW_MS + sticky_ms + 1) == "ann"


def test_a_preferred_agent_goes_before_the_last_one_if_free() -> None:
    conversation = make_conversation(
        requirement=make_requirement(preferred_agent_id="ben"), last_agent_id="ann", last_agent_ms=NOW_MS
    )
    agents = make_agent("ann"), make_agent("ben")

    assert chosen(make_crew(*agents), conversation) == "ben"
    assert chosen(make_crew(*agents, load={"ben": 200}), conversation) == "ann"


def test_an_angry_customer_goes_to_who_can_calm_them() -> None:
    crew = make_crew(make_agent("ann"), make_agent("ben", skills={"logistics": 3, "complaint": 4}))
    conversation = make_conversation()

    assert chosen(crew, conversation) == "ann"
    assert chosen(crew, replace(conversation, mood=Mood(anger=0.9, is_angry=True))) == "ben"


def test_an_assignment_says_why() -> None:
    crew = make_crew(make_agent("ann", skills={"logistics": 5}))
    wanted = demand.of(make_conversation(), crew.policy, NOW_MS)

    assignment = selection.select(crew, wanted, Duties(crew.roster), NOW_MS)

    assert assignment.outcome is Outcome.ASSIGNED
    assert assignment.reason == "best of 1 eligible: logistics 5/5, held 0 of 2, score 1.40"
    assert {term.name: term.value for term in assignment.terms} == pytest.approx(
        {"proficiency": 0.4, "free_capacity": 0.3, "language": 0.7}
    )
    assert assignment.policy_version == crew.policy.version


def test_a_queued_conversation_says_who_was_left_out_and_why() -> None:
    crew = make_crew(
        make_agent("ann"),
        make_agent("ben", skills={"finance": 1}),
        make_agent("cat", skills={"finance": 1}),
        presences={"ann": Presence.AWAY},
    )
    wanted = demand.of(make_conversation(), crew.policy, NOW_MS)

    assignment = selection.select(crew, wanted, Duties(crew.roster), NOW_MS)

    assert assignment.outcome is Outcome.QUEUED
    assert assignment.reason == "nobody eligible for logistics: 1 away, 2 lacks skill"


def test_nobody_registered_says_what_to_do() -> None:
    wanted = demand.of(make_conversation(), Policy(), NOW_MS)
    crew = make_crew()

    assignment = selection.select(crew, wanted, Duties(crew.roster), NOW_MS)

    assert assignment.reason == "no agent is registered; put one with AgentService"


def test_candidates_are_the_eligible_best_first_then_the_excluded_by_id() -> None:
    crew = make_crew(
        make_agent("ann", skills={"finance": 5}),
        make_agent("ben", skills={"logistics": 2}),
        make_agent("cat", skills={"logistics": 5}),
        make_agent("dan", skills={"logistics": 5}),
        presences={"dan": Presence.BUSY},
    )
    wanted = demand.of(make_conversation(), crew.policy, NOW_MS)

    found = selection.candidates(crew, wanted, Duties(crew.roster), NOW_MS)

    assert [(one.agent.agent_id, one.exclusion) for one in found] == [
        ("cat", None),
        ("ben", None),
        ("ann", Exclusion.LACKS_SKILL),
        ("dan", Exclusion.BUSY),
    ]
    assert found[2].terms == ()
