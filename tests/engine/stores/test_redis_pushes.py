from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.domain import Change, Conversation, ConversationState
from engine.errors import StorageError
from engine.stores.redis import RedisStore, open_store
from engine.stores.redis_rows import prefix_of
from tests.engine.stores.redis_server import RedisServer, serving_redis, until
from tests.fakes import make_conversation

Open = Callable[[], RedisStore]


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def another(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same state as one more engine, on one Redis and on a cluster."""
    url = request.getfixturevalue(request.param)
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(open_store(url)))


@pytest.fixture
def pair(redis_url: str) -> Iterator[tuple[RedisStore, RedisStore]]:
    """Two engines on one Redis."""
    with closing(open_store(redis_url)) as one, closing(open_store(redis_url)) as other:
        yield one, other


class Heard:
    """What a listener was told: tenant, id and version."""

    def __init__(self, store: RedisStore) -> None:
        self.told: list[tuple[str, str, int]] = []
        self.conversations: list[Conversation] = []
        store.subscribe(self)

    def __call__(self, tenant: str, conversations: Sequence[Conversation]) -> None:
        self.told += [(tenant, one.conversation_id, one.version) for one in conversations]
        self.conversations += conversations


def commit(store: RedisStore, *conversations: Conversation, tenant: str = "shop") -> None:
    assert store.commit([Change(tenant=tenant, conversations=conversations)]) == [True]


def versions(count: int, conversation_id: str = "c1") -> list[Conversation]:
    return [make_conversation(conversation_id, version=number) for number in range(1, count + 1)]


def test_a_listener_hears_of_another_engines_commit(another: Open) -> None:
    one, heard = another(), Heard(another())
    for tenant in ("a", "b", "c", "d"):
        commit(one, make_conversation(), tenant=tenant)

    until(lambda: len(heard.told) == 4)
    assert sorted(heard.told) == [(tenant, "c1", 1) for tenant in "abcd"]
    assert heard.conversations == [make_conversation()] * 4


def test_it_hears_soon(pair: tuple[RedisStore, RedisStore]) -> None:
    one, heard = pair[0], Heard(pair[1])
    commit(one, make_conversation())
    until(lambda: bool(heard.told))
    began = time.monotonic()
    commit(one, make_conversation(version=2))
    until(lambda: len(heard.told) == 2)

    assert time.monotonic() - began < 1.0  # far below the seconds between two looks at all tenants


def test_it_hears_of_its_own_engines_commit_at_once_and_once(pair: tuple[RedisStore, RedisStore]) -> None:
    one, other = pair
    heard = Heard(one)
    commit(one, make_conversation())
    assert heard.told == [("shop", "c1", 1)]
    commit(other, make_conversation(version=2))
    until(lambda: len(heard.told) == 2)

    assert heard.told == [("shop", "c1", 1), ("shop", "c1", 2)]


def test_it_hears_nothing_from_before_it_listened(pair: tuple[RedisStore, RedisStore]) -> None:
    one, other = pair
    commit(other, make_conversation())
    heard = Heard(one)
    commit(other, make_conversation(version=2))
    until(lambda: bool(heard.told))

    assert heard.told == [("shop", "c1", 2)]


def test_it_hears_nothing_of_a_stale_change(pair: tuple[RedisStore, RedisStore]) -> None:
    one, heard = pair[0], Heard(pair[1])
    assert one.commit([Change(tenant="shop", conversations=[make_conversation(version=5)])]) == [False]
    commit(one, make_conversation("c2"))
    until(lambda: bool(heard.told))

    assert heard.told == [("shop", "c2", 1)]


def test_what_two_engines_change_in_turn_is_heard_in_order_by_both(
    pair: tuple[RedisStore, RedisStore],
) -> None:
    both = [Heard(store) for store in pair]
    for number, conversation in enumerate(versions(60)):
        commit(pair[number % 2], conversation)

    until(lambda: all(len(heard.told) == 60 for heard in both))
    for heard in both:
        assert [version for _, _, version in heard.told] == list(range(1, 61))


def test_what_two_engines_change_at_once_is_heard_whole_by_both(pair: tuple[RedisStore, RedisStore]) -> None:
    both = [Heard(store) for store in pair]

    def change(store: RedisStore, conversation_id: str) -> None:
        for conversation in versions(100, conversation_id):
            commit(store, conversation)

    threads = [threading.Thread(target=change, args=arguments) for arguments in zip(pair, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    until(lambda: all(len(heard.told) == 200 for heard in both), seconds=3.0)
    for heard in both:
        assert [told for told in heard.told if told[1] == "a"] == [("shop", "a", n) for n in range(1, 101)]
        assert [told for told in heard.told if told[1] == "b"] == [("shop", "b", n) for n in range(1, 101)]


def test_who_missed_entries_hears_of_all_that_is_held(
    pair: tuple[RedisStore, RedisStore], redis_server: RedisServer
) -> None:
    one, pushes = pair[0], pair[1]._pushes
    heard: list[Conversation] = []
    pushes._listeners.append(
        lambda _, conversations: heard.extend(conversations)
    )  # the thread is not started
    assigned = make_conversation("held", state=ConversationState.ASSIGNED, agent_id="ann")
    commit(one, assigned, make_conversation("waiting"))
    commit(one, make_conversation("last"))
    with redis_server.client() as client:
        client.xtrim(f"{prefix_of('shop')}:pushes", maxlen=1, approximate=False)
    pushes._look(["shop"])

    assert heard == [assigned, make_conversation("last")]


def test_a_commit_whose_reply_was_lost_is_heard_of(
    pair: tuple[RedisStore, RedisStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    heard = Heard(one)
    run = one._client.call_all

    def lose(commands: Sequence[tuple[object, ...]]) -> None:
        monkeypatch.undo()
        run(commands)
        raise StorageError("the reply was lost")

    monkeypatch.setattr(one._client, "call_all", lose)
    with pytest.raises(StorageError):
        one.commit([Change(tenant="shop", conversations=[make_conversation()])])
    commit(other, make_conversation(version=2))  # any bell will do; without one it takes a few seconds

    until(lambda: len(heard.told) == 2)
    assert heard.told == [("shop", "c1", 1), ("shop", "c1", 2)]


def test_it_hears_on_after_redis_was_away(tmp_path: Path) -> None:
    with serving_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        with closing(open_store(server.url)) as one, closing(open_store(server.url)) as other:
            heard = Heard(other)
            commit(one, make_conversation())
            until(lambda: bool(heard.told))
            server.kill()
            server.start()
            commit(one, make_conversation(version=2))
            until(lambda: len(heard.told) == 2)

        assert heard.told[-1] == ("shop", "c1", 2)


def test_a_closed_store_leaves_no_thread(redis_url: str) -> None:
    before = threading.active_count()
    store = open_store(redis_url)
    Heard(store)
    began = time.monotonic()
    store.close()

    assert threading.active_count() == before
    assert time.monotonic() - began < 2.0


def test_a_store_closes_while_redis_is_away(tmp_path: Path) -> None:
    with serving_redis(tmp_path) as server:
        store = open_store(server.url)
        Heard(store)
        server.kill()
        store.close()

    assert not any(thread.name == "pushes" for thread in threading.enumerate())
