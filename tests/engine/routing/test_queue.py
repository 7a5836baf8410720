from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Agent, Conversation, Requirement
from engine.routing import queue
from engine.routing.policy import MINUTE, Policy, QueueOrder
from tests.engine.routing import strategies
from tests.fakes import FieldValue, make_agent, make_requirement

LADDER = Policy(min_proficiency=4, neighbours={"logistics": ("finance",)}, overflow_team="night")


def fits(agent: Agent, requirement: Requirement, relaxation: int, policy: Policy = LADDER) -> bool:
    return not set(queue.served(agent, policy)).isdisjoint(queue.queues(requirement, relaxation, policy))


def urgency(requirement: Requirement, queued_ms: int, is_angry: bool, policy: Policy, now_ms: int) -> float:
    """As documented, in minutes."""
    wait = (now_ms - queued_ms) / MINUTE
    slack = policy.sla - wait
    order = policy.order
    boost = order.priority * requirement.priority + order.vip * requirement.vip + order.anger * is_angry
    return wait + boost - order.sla * slack


@pytest.mark.parametrize(
    ("agent", "step"),
    [
        (make_agent(skills={"logistics": 4}), 0),
        (make_agent(skills={"logistics": 3}), 1),
        (make_agent(skills={"finance": 1}), 2),
        (make_agent(skills={"general": 1}), 3),
        (make_agent(skills={"general": 1}, teams=frozenset({"night"})), 3),
    ],
)
def test_each_step_of_the_ladder_lets_more_agents_in(agent: Agent, step: int) -> None:
    found = [fits(agent, make_requirement(), relaxation) for relaxation in range(5)]

    assert found == [relaxation >= step for relaxation in range(5)]


def test_a_team_is_held_to_until_the_overflow_team_takes_over() -> None:
    asked = make_requirement(team="day")

    assert fits(make_agent(teams=frozenset({"day"})), asked, 1)
    assert not fits(make_agent(teams=frozenset({"night"})), asked, 3)
    assert fits(make_agent(teams=frozenset({"night"})), asked, 4)
    assert not fits(make_agent(), asked, 4)


def test_without_an_overflow_team_anybody_takes_what_overflowed() -> None:
    asked = make_requirement("logistics", agent_id="ben")
    policy = replace(LADDER, overflow_team="", require_language=True)

    stranger = make_agent("ann", skills={"other": 1}, languages=frozenset({"fr"}))

    assert [fits(stranger, asked, step, policy) for step in range(5)] == [False, False, False, False, True]


def test_a_required_language_is_held_to_until_overflow() -> None:
    policy = Policy(require_language=True)
    chinese = make_agent(languages=frozenset({"zh"}))

    assert [fits(chinese, make_requirement(), step, policy) for step in range(5)] == [False] * 4 + [True]


def test_a_second_skill_is_asked_for_from_its_probability_on() -> None:
    doubtful = make_requirement(skills={"logistics": 0.6, "finance": 0.3, "general": 0.1})

    assert fits(make_agent(skills={"finance": 5}), doubtful, 0)
    assert not fits(make_agent(skills={"general": 5}), doubtful, 0)


@given(asked=strategies.requirements(), policy=strategies.policies)
def test_a_step_never_shuts_anybody_out_but_by_its_team(asked: Requirement, policy: Policy) -> None:
    everybody = make_agent(
        skills=dict.fromkeys(strategies.SKILLS, 5), teams=frozenset(strategies.TEAMS), languages=frozenset()
    )
    named = replace(everybody, agent_id=asked.agent_id or "ann")

    assert all(fits(named, asked, step, policy) for step in range(5))


@given(
    first=strategies.conversations(),
    second=strategies.conversations(),
    queued=st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)),
    order=st.builds(
        QueueOrder,
        priority=st.sampled_from((0, 1, 3)),
        vip=st.sampled_from((0, 5)),
        anger=st.sampled_from((0, 5)),
        sla=st.sampled_from((0, 0.5, 2)),
    ),
    moments=st.tuples(st.integers(0, 10**10), st.integers(0, 10**10)),
)
def test_the_rank_orders_as_the_urgency_does_at_any_moment(
    first: Conversation,
    second: Conversation,
    queued: tuple[int, int],
    order: QueueOrder,
    moments: tuple[int, int],
) -> None:
    policy = Policy(order=order)
    both = list(zip((first, second), queued, strict=True))

    ranks = [
        queue.rank_ms(one.requirement, since, is_angry=one.mood.is_angry, policy=policy)
        for one, since in both
    ]

    for now_ms in moments:
        a, b = (urgency(one.requirement, since, one.mood.is_angry, policy, now_ms) for one, since in both)
        if abs(ranks[0] - ranks[1]) > 1:  # below a millisecond rounding decides
            assert (ranks[0] < ranks[1]) == (a > b)


@pytest.mark.parametrize("change", [{"priority": 1}, {"vip": 1}], ids=["priority", "standing"])
def test_priority_and_standing_bring_forward(change: dict[str, FieldValue]) -> None:
    plain = queue.rank_ms(make_requirement(), 10**6, is_angry=False, policy=Policy())

    assert queue.rank_ms(make_requirement(**change), 10**6, is_angry=False, policy=Policy()) < plain
    assert queue.rank_ms(make_requirement(), 10**6, is_angry=True, policy=Policy()) < plain
    assert queue.rank_ms(make_requirement(), 10**6 - 1, is_angry=False, policy=Policy()) < plain


def test_who_waits_long_enough_passes_every_newcomer() -> None:
    urgent = make_requirement(priority=10, vip=3)
    boost_ms = round((10 * 3.0 + 3 * 5.0 + 5.0) * MINUTE)

    old = queue.rank_ms(make_requirement(), 0, is_angry=False, policy=Policy())

    assert queue.rank_ms(urgent, boost_ms, is_angry=True, policy=Policy()) > old
