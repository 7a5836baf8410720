"""When a commit comes too late: another engine changed what it was decided on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from engine.domain import Change, Conversation, ConversationState, Presence
from engine.stores.redis import RedisStore, open_store
from engine.stores.redis_rows import prefix_of
from tests.engine.stores.redis_server import RedisServer, redis_server, redis_url  # noqa: F401
from tests.fakes import make_agent, make_conversation

ONE = 100  # units


@pytest.fixture
def engines(redis_url: str) -> Iterator[tuple[RedisStore, RedisStore]]:  # noqa: F811
    """Two over one server, with Ann online, who holds a chat."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(closing(open_store(redis_url))) for _ in range(2))
        one.put_agent("shop", make_agent())
        one.set_presence("shop", "ann", Presence.ONLINE)
        assert one.commit([Change(tenant="shop", claims={"ann": ONE})]) == [True]
        yield one, other


def waiting(conversation_id: str = "c1", rank_ms: int = 1000) -> Conversation:
    return make_conversation(conversation_id, rank_ms=rank_ms)


def mark(store: RedisStore) -> str | None:
    store.roster("shop")
    return store.mark("shop")


def commit(store: RedisStore, **fields: object) -> bool:
    (done,) = store.commit([Change(tenant="shop", **fields)])  # type: ignore[arg-type]
    return done


def go_and_come(store: RedisStore) -> None:
    store.set_presence("shop", "ann", Presence.AWAY)
    store.set_presence("shop", "ann", Presence.ONLINE)


Rival = Callable[[RedisStore], object]


@pytest.mark.parametrize(
    "rival",
    [
        lambda store: commit(store, claims={"ann": -ONE}, opened=["logistics"]),
        lambda store: store.put_agent("shop", make_agent("bob")),
        go_and_come,
    ],
    ids=["a place was opened", "an agent was put", "an agent came back"],
)
def test_nobody_is_let_wait_for_whom_there_may_be_a_place(
    engines: tuple[RedisStore, RedisStore], rival: Rival
) -> None:
    one, other = engines
    before = mark(one)
    rival(other)

    assert not commit(one, conversations=[waiting()], mark=before)
    assert commit(one, conversations=[waiting()], mark=mark(one))


@pytest.mark.parametrize(
    ("rank_ms", "drained", "is_fresh"),
    [
        (999, {"logistics": 1000}, False),
        (1001, {"logistics": 1000}, True),
        (999, {"finance": 1000}, True),
    ],
    ids=["before", "behind", "elsewhere"],
)
def test_a_place_is_not_given_past_somebody_who_began_to_wait(
    engines: tuple[RedisStore, RedisStore], rank_ms: int, drained: dict[str, int], is_fresh: bool
) -> None:
    one, other = engines
    before = mark(one)
    commit(other, conversations=[waiting(rank_ms=rank_ms)])

    assert commit(one, claims={"ann": ONE}, drained=drained, mark=before) is is_fresh


def test_who_may_go_to_more_agents_than_before_begins_to_wait_anew(
    engines: tuple[RedisStore, RedisStore],
) -> None:
    one, other = engines
    commit(one, conversations=[make_conversation(rank_ms=999, declined=("ann",))])
    before = mark(one)
    commit(other, conversations=[make_conversation(rank_ms=999, version=2)])

    assert not commit(one, claims={"ann": ONE}, drained={"logistics": 1000}, mark=before)


@pytest.mark.parametrize(
    ("units", "rival", "is_fresh"),
    [
        (ONE, lambda store: store.set_presence("shop", "ann", Presence.AWAY), False),
        (ONE, lambda store: store.put_agent("shop", make_agent(capacity=9 * ONE)), False),
        (ONE, lambda store: store.renew("shop", "ann", 5000), True),
        (-ONE, lambda store: commit(store, claims={"ann": ONE}), False),
        (-ONE, lambda store: commit(store, claims={"bob": ONE}), True),
    ],
    ids=["who went away", "who changed", "whose lease goes on", "who got another", "who is not the other's"],
)
def test_an_agent_is_claimed_as_they_were(
    engines: tuple[RedisStore, RedisStore], units: int, rival: Rival, is_fresh: bool
) -> None:
    one, other = engines
    one.put_agent("shop", make_agent("bob"))
    before = mark(one)
    rival(other)

    assert commit(one, claims={"ann": units}, mark=before) is is_fresh


def test_what_happened_in_other_queues_changes_nothing(engines: tuple[RedisStore, RedisStore]) -> None:
    one, other = engines
    before = mark(one)
    commit(other, claims={"ann": -ONE}, opened=["finance"])

    assert commit(one, conversations=[waiting()], mark=before)


def test_who_missed_more_than_is_remembered_decides_again(
    engines: tuple[RedisStore, RedisStore],
    redis_server: RedisServer,  # noqa: F811
) -> None:
    one, other = engines
    before = mark(one)
    commit(other, claims={"ann": ONE})
    commit(other, claims={"ann": -ONE})
    with redis_server.client() as client:
        client.xtrim(f"{prefix_of('shop')}:roster", maxlen=1, approximate=False)

    assert not commit(one, claims={"bob": -ONE}, mark=before)


def test_one_who_waits_already_may_be_touched(engines: tuple[RedisStore, RedisStore]) -> None:
    one, other = engines
    commit(one, conversations=[waiting()])
    before = mark(one)
    other.put_agent("shop", make_agent("bob"))
    touched = make_conversation(rank_ms=1000, version=2, updated_ms=2000)

    assert touched.state is ConversationState.WAITING
    assert commit(one, conversations=[touched], mark=before)
