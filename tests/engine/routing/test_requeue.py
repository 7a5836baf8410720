from __future__ import annotations

import pytest

from engine.domain import ConversationState
from engine.errors import InvalidArgumentError
from engine.routing.dispatcher import Dispatcher
from engine.routing.policies import StoredPolicies
from engine.routing.policy import MINUTE, FixedPolicies, Policy
from engine.routing.policy_desk import PolicyDesk
from engine.servicers.codec import ProtoCodec
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, ask, get, hire, make_agent, make_desk

WAITING = ConversationState.WAITING


def policy_desk(store: SQLiteStore, desk: Desk) -> PolicyDesk:
    """A further engine's, whose settings say the same."""
    policies = StoredPolicies(store=store.assist, clock=desk.clock, settings=FixedPolicies(others=Policy()))
    dispatcher = Dispatcher(store=store, codec=ProtoCodec(), clock=desk.clock, policies=policies)
    return PolicyDesk(policies=policies, dispatcher=dispatcher)


@pytest.fixture
def waiting(desk: Desk) -> str:
    """A conversation for whose skill there is only a neighbour."""
    hire(desk, make_agent("ann", skills={"general": 3}))
    return ask(desk, "refund.request", customer_id="cu9").conversation_id


def test_whoever_waits_gets_the_new_places(embedded: SQLiteStore, desk: Desk, waiting: str) -> None:
    before = get(desk, waiting)
    policy_desk(embedded, desk).put(TENANT, {"sla": 4, "min_proficiency": 4})
    after = get(desk, waiting)

    assert (before.queues, after.queues) == (("/finance/1/*",), ("/finance/4/*",))
    assert after.rank_ms == after.queued_ms + round(0.5 * 4 * MINUTE / 1.5)


def test_a_policy_that_is_read_at_the_start_moves_who_waits(embedded: SQLiteStore, waiting: str) -> None:
    again = make_desk(embedded, policy=Policy(min_proficiency=2))
    again.dispatcher.draft(TENANT)

    assert get(again, waiting).queues == ("/finance/2/*",)


def test_an_agent_who_serves_more_under_a_new_policy_gets_it(embedded: SQLiteStore, desk: Desk) -> None:
    hire(desk, make_agent("ann", skills={"finance": 2}))
    strict = make_desk(embedded, policy=Policy(min_proficiency=3))
    waiting = ask(strict, "refund.request", customer_id="cu9").conversation_id
    assert get(strict, waiting).state is WAITING
    policy_desk(embedded, desk).put(TENANT, {"min_proficiency": 2})

    assert get(desk, waiting).agent_id == "ann"


def test_a_policy_that_changes_nothing_moves_nobody(embedded: SQLiteStore, desk: Desk, waiting: str) -> None:
    before = get(desk, waiting)
    policy_desk(embedded, desk).put(TENANT, {"offer_seconds": 5})

    assert get(desk, waiting) == before


def test_a_bad_policy_is_refused_with_its_key(embedded: SQLiteStore, desk: Desk) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        policy_desk(embedded, desk).put(TENANT, {"weights": {"language": -1}})

    assert "weights.language" in str(refused.value.field)
