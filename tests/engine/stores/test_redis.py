"""What is Redis's own: several engines on one server, kills, retries. `test_conformance.py` has the rest."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from benchmarks.redis_process import cluster_url, serving_cluster
from engine.domain import Change, Conversation, ConversationState, Event, Presence
from engine.errors import StorageError
from engine.stores.redis import RedisStore, open_store
from engine.stores.redis_rows import TENANTS, changes_arguments, prefix_of
from tests.engine.stores.redis_server import RedisServer, require_redis, serving_redis, until
from tests.fakes import loads, make_agent, make_conversation, make_reply

Open = Callable[[], RedisStore]
CAPACITY = 15
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def another(redis_url: str) -> Iterator[Open]:
    """Opens the same state as one more engine."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(open_store(redis_url)))


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def change(
    *conversations: Conversation, tenant: str = "shop", key: str = "", claims: dict[str, int] | None = None
) -> Change:
    event = Event(conversation_id="c1", kind="message_received", time_ms=1, data=b"data", key=key)
    events = [event] if key else []
    return Change(tenant=tenant, conversations=conversations, claims=claims or {}, events=events)


def dump(server: RedisServer) -> dict[bytes, bytes]:
    """Every key with its value."""
    with server.client() as client:
        return {key: client.dump(key) for key in client.scan_iter()}


class TestSeveralEngines:
    def test_one_sees_what_the_other_claimed(self, another: Open) -> None:
        one, other = another(), another()
        one.put_agent("shop", make_agent())
        before = other.roster("shop")
        one.commit([change(claims={"ann": 100})])

        assert loads(other) == {"ann": 1.0}
        assert other.roster("shop") is before

    def test_one_sees_streaks_of_the_other(self, another: Open) -> None:
        one, other = another(), another()
        one.put_agent("shop", make_agent())
        other.roster("shop")
        one.commit([Change(tenant="shop", streaks={"ann": 2})])

        assert other.roster("shop").streak.tolist() == [2]

    def test_one_sees_agents_and_presence_of_the_other(self, another: Open) -> None:
        one, other = another(), another()
        one.put_agent("shop", make_agent())
        other.roster("shop")
        one.put_agent("shop", make_agent("bob"))
        one.set_presence("shop", "bob", Presence.ONLINE, 5000)

        roster = other.roster("shop")
        assert roster.agents == (make_agent(), make_agent("bob"))
        assert (roster.presences[1], roster.online.tolist(), roster.leases.tolist()) == (
            Presence.ONLINE,
            [False, True],
            [0, 5000],
        )

    def test_what_both_commit_in_turn_adds_up_in_both(self, another: Open) -> None:
        stores = another(), another()
        stores[0].put_agent("shop", make_agent(capacity=1000))
        for store in stores * 4:
            store.roster("shop")
            store.commit([change(claims={"ann": 100})])

        assert [loads(store) for store in stores] == [{"ann": 8.0}] * 2

    def test_what_the_other_declared_due_is_due(self, another: Open) -> None:
        one, other = another(), another()
        one.commit([change(make_conversation(due_ms=7), tenant=tenant) for tenant in ("a", "b")])

        assert other.due(7) == [("a", "c1"), ("b", "c1")]
        assert other.next_due_ms() == 7

    def test_an_engine_far_behind_reads_the_whole_roster(
        self, another: Open, redis_server: RedisServer
    ) -> None:
        one, other = another(), another()
        one.put_agent("shop", make_agent())
        other.roster("shop")
        one.commit([change(claims={"ann": 100})])
        one.put_agent("shop", make_agent("bob"))
        with redis_server.client() as client:
            client.xtrim(f"{prefix_of('shop')}:roster", maxlen=1, approximate=False)

        assert loads(other) == {"ann": 1.0, "bob": 0.0}

    def test_racing_claims_never_pass_the_capacity(self, url: str) -> None:
        with ExitStack() as stack:
            stores = [stack.enter_context(closing(open_store(url))) for _ in range(4)]
            stores[0].put_agent("shop", make_agent(capacity=CAPACITY))
            race = threading.Barrier(len(stores))

            def claim_ten(store: RedisStore) -> int:
                race.wait()
                return sum(store.commit([change(claims={"ann": 1})])[0] for _ in range(10))

            with ThreadPoolExecutor(len(stores)) as pool:
                given = sum(pool.map(claim_ten, stores))

            assert given == CAPACITY
            assert stores[1].roster("shop").load.tolist() == [CAPACITY]


class TestMoments:
    def test_a_moment_that_was_lost_on_its_way_is_found_again(
        self, another: Open, redis_server: RedisServer
    ) -> None:
        store = another()
        store.commit([change(make_conversation(due_ms=7), tenant=f"t{number}") for number in range(9)])
        with redis_server.client() as client:
            client.zadd(TENANTS, {"t5": "+inf"})
        until(lambda: bool(store.next_due_ms()) and ("t5", "c1") in store.due(7))

        assert len(store.due(7)) == 9

    def test_a_moment_that_is_set_while_the_bound_is_raised_is_not_lost(
        self, another: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = another(), another()
        one.commit([change(make_conversation(due_ms=1))])
        one.commit([change(make_conversation(due_ms=100, version=2))])
        read = one._tenants._truth

        def read_before_the_other_commits(tenants: Iterable[str]) -> dict[str, float]:
            found = read(tenants)
            other.commit([change(make_conversation("c2", due_ms=50))])
            return found

        monkeypatch.setattr(one._tenants, "_truth", read_before_the_other_commits)
        one.next_due_ms()

        assert other.due(50) == [("shop", "c2")]

    def test_the_earliest_of_many_tenants_is_found_behind_bounds_that_are_too_early(
        self, another: Open
    ) -> None:
        store = another()
        tenants = [f"t{number}" for number in range(50)]
        store.commit([change(make_conversation(due_ms=1), tenant=tenant) for tenant in tenants])
        later = [make_conversation(due_ms=100 + number, version=2) for number in range(50)]
        store.commit([change(one, tenant=tenant) for one, tenant in zip(later, tenants, strict=True)])

        assert store.due(99) == []
        assert store.next_due_ms() == 100

    def test_a_look_costs_what_is_due_and_not_what_there_is(
        self, another: Open, redis_server: RedisServer
    ) -> None:
        store = another()
        store.commit([change(make_conversation(due_ms=10_000), tenant=f"t{number}") for number in range(300)])
        store.commit([change(make_conversation(due_ms=1), tenant="now")])
        with redis_server.client() as client:
            client.config_resetstat()
            assert (store.due(5), store.lapsed(5), store.next_due_ms()) == ([("now", "c1")], [], 1)
            calls = sum(one["calls"] for one in client.info("commandstats").values())

        assert calls < 60


class TestKeys:
    def test_tenants_never_share_a_key(self, another: Open, redis_server: RedisServer) -> None:
        store = another()
        tenants = ["shop", "shop-2", "a}b{c", "客户", "{}", "a:b", "*"]
        for tenant in tenants:
            store.put_agent(tenant, make_agent())
            store.set_presence(tenant, "ann", Presence.ONLINE, 9)
            store.assist.seed(tenant, [make_reply()])
            store.assist.put_document(tenant, "policy", "p", b"1")
            store.assist.commit_feedback(tenant, "f1", b"1", {"a": b"1"}, 0)
            held = make_conversation("c2", agent_id="ann", state=ConversationState.ASSIGNED, due_ms=5)
            store.commit([change(make_conversation(), held, tenant=tenant, key="k", claims={"ann": 1})])
        keys = {key.decode() for key in dump(redis_server)} - {TENANTS}

        assert all(re.match(r"yingda:\{[^{}]+\}:", key) for key in keys)
        assert {key[: key.index("}") + 1] for key in keys} == {prefix_of(one) for one in tenants}

    @pytest.mark.parametrize(
        "stale",
        [
            change(make_conversation(version=3)),
            change(make_conversation("new"), claims={"ann": 300}),
            change(make_conversation("new"), key="k1"),
        ],
        ids=["version", "capacity", "key"],
    )
    def test_a_stale_change_writes_nothing(
        self, another: Open, redis_server: RedisServer, stale: Change
    ) -> None:
        store = another()
        store.put_agent("shop", make_agent())
        store.commit([change(make_conversation(), key="k1", claims={"ann": 100})])
        before = dump(redis_server)

        assert store.commit([stale]) == [False]
        assert dump(redis_server) == before


class TestRetries:
    def test_a_commit_sent_twice_is_done_once(self, another: Open) -> None:
        store = another()
        store.put_agent("shop", make_agent())
        arguments = changes_arguments([change(make_conversation(), key="k", claims={"ann": 100})])
        again = ("commit", prefix_of("shop"), "engine", "7", "channel", *arguments)
        first, second = (store._client.function(*again) for _ in range(2))

        assert first == second
        assert first[0] == b"1"
        assert loads(store) == {"ann": 1.0}

    def test_the_next_commit_of_an_engine_is_another_one(self, another: Open) -> None:
        store = another()
        store.put_agent("shop", make_agent())
        both = [store.commit([change(claims={"ann": 100})]) for _ in range(2)]

        assert both == [[True], [True]]
        assert loads(store) == {"ann": 2.0}

    @pytest.mark.parametrize(
        "write",
        [
            ("seed", "r1", "{}"),
            ("commit_feedback", "learned", "", "f1", "receipt", 9, "a", "1"),
        ],
    )
    def test_what_is_kept_once_and_sent_twice_says_the_same(
        self, another: Open, write: tuple[str, ...]
    ) -> None:
        name, *arguments = write
        again = (name, prefix_of("shop"), "engine", "7", *arguments)
        client = another()._client

        assert [client.function(*again) for _ in range(2)] == [[1, b"", b"engine 7"]] * 2

    def test_a_receipt_waits_for_its_replicas_too(self, another: Open) -> None:
        store = another()
        store.assist.commit_feedback("shop", "f1", b"1", {}, 0)
        store._wait_replicas = 1

        with pytest.raises(StorageError, match="0 of 1 replicas"):
            store.assist.receipt("shop", "f1")

    def test_functions_that_were_lost_are_loaded_again(
        self, another: Open, redis_server: RedisServer
    ) -> None:
        store = another()
        with redis_server.client() as client:
            client.function_flush()

        assert store.commit([change(make_conversation())]) == [True]
        with redis_server.client() as client:
            client.function_flush()
        assert store.held("shop", "ann") == []


class TestFailures:
    def test_a_lost_server_is_a_storage_error_until_it_is_back(self, tmp_path: Path) -> None:
        with serving_redis(tmp_path, *ALWAYS) as server, closing(open_store(server.url)) as store:
            store.put_agent("shop", make_agent())
            store.commit([change(claims={"ann": 100})])
            server.kill()
            for call in (lambda: store.commit([change(claims={"ann": 100})]), lambda: store.roster("shop")):
                with pytest.raises(StorageError):
                    call()
            server.start()

            assert loads(store) == {"ann": 1.0}
            assert store.commit([change(claims={"ann": 100})]) == [True]
            assert loads(store) == {"ann": 2.0}

    def test_a_roster_forgets_what_redis_lost(self, tmp_path: Path) -> None:
        with serving_redis(tmp_path) as server, closing(open_store(server.url)) as store:
            store.put_agent("shop", make_agent())
            store.commit([change(claims={"ann": 100})])
            loads(store)
            server.kill()
            server.start()
            store.put_agent("shop", make_agent("bob"))

            assert loads(store) == {"bob": 0.0}
            assert store.due(9) == []

    def test_no_acknowledged_commit_is_lost_over_a_kill(self, tmp_path: Path) -> None:
        with serving_redis(tmp_path, *ALWAYS) as server, closing(open_store(server.url)) as store:
            killer = threading.Timer(0.5, server.kill)
            killer.start()
            kept = commit_until_it_fails(store)
            killer.join()
            server.start()

            assert len(kept) > 1
            assert set(store.records("shop", kept)) == set(kept)
            assert set(store.conversations("shop", kept)) == set(kept)

    def test_a_message_repeated_after_a_lost_reply_is_found(
        self, another: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = another()
        lose_replies(store, monkeypatch)
        with pytest.raises(StorageError):
            store.commit([change(make_conversation(), key="k1")])

        assert store.records("shop", ["k1"]) == {"k1": b"data"}


class TestFailover:
    @pytest.mark.slow
    def test_a_replica_takes_over_from_a_master_that_died(self, tmp_path: Path) -> None:
        require_redis()
        with serving_cluster(tmp_path, replicas=1) as nodes, ExitStack() as stack:
            one, other = (stack.enter_context(closing(open_store(cluster_url(nodes)))) for _ in range(2))
            heard: list[int] = []
            other.subscribe(lambda _, changed: heard.extend(one.version for one in changed))
            one._wait_replicas = 1
            until(lambda: succeeds(lambda: one.put_agent("shop", make_agent(capacity=CAPACITY))))
            for version in range(1, 6):
                one.commit([change(make_conversation(version=version), claims={"ann": 1})])
            one._wait_replicas = 0
            master_of(one, nodes).kill()
            until(lambda: succeeds(lambda: one.roster("shop")))

            assert one.roster("shop").load.tolist() == [5]
            assert one.commit([change(make_conversation(version=6), claims={"ann": 1})]) == [True]
            until(lambda: heard[-1:] == [6])
            assert other.roster("shop").load.tolist() == [6]


class TestReplicas:
    def test_a_commit_waits_for_its_replicas(self, tmp_path: Path) -> None:
        with (
            serving_redis(tmp_path / "a", "--repl-diskless-sync-delay", "0") as master,
            serving_redis(tmp_path / "b", "--replicaof", "127.0.0.1", str(master.port)) as replica,
            replica.client() as client,
        ):
            until(lambda: client.info("replication")["master_link_status"] == "up")
            with closing(open_store(master.url, wait_replicas=1)) as store:
                store.commit([change(make_conversation())])

            assert client.hexists(f"{prefix_of('shop')}:conversations", "c1")

    def test_too_few_replicas_are_a_storage_error(self, redis_url: str) -> None:
        with (
            closing(open_store(redis_url, wait_replicas=1)) as store,
            pytest.raises(StorageError, match="0 of 1 replicas"),
        ):
            store.commit([change(make_conversation())])


def commit_until_it_fails(store: RedisStore) -> list[str]:
    """The ids of the conversations, and the keys of the messages, whose commits were acknowledged."""
    kept: list[str] = []
    with contextlib.suppress(StorageError):
        while True:
            number = str(len(kept))
            store.commit([change(make_conversation(number), key=number)])
            kept.append(number)
    return kept


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except StorageError:
        return False
    return True


def master_of(store: RedisStore, nodes: list[RedisServer]) -> RedisServer:
    """The server that the tenant "shop" is on."""
    port = store._client._connection.get_node_from_key(prefix_of("shop")).port
    return next(node for node in nodes if node.port == port)


def lose_replies(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next pipeline is run, but its replies do not come."""
    run = store._client.call_all

    def lose(commands: object) -> None:
        monkeypatch.undo()
        run(commands)  # type: ignore[arg-type]
        raise StorageError("the reply was lost")

    monkeypatch.setattr(store._client, "call_all", lose)
