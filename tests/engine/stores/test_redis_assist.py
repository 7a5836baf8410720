"""What the assist keeps under several engines. `test_assist_conformance.py` has the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from engine.assist.auto_reply import Policy
from engine.assist.memory import Feedback
from engine.assist.ticket import Ticket
from engine.assist.wanted import Wanted
from engine.domain import FeedbackOutcome
from engine.errors import ContentionError, NotFoundError
from engine.ports import RECEIPTS_KEPT, AssistStore
from engine.stores.redis import open_store
from engine.stores.redis_rows import prefix_of
from tests.engine.stores.redis_server import RedisServer
from tests.fakes import TENANT, Desk, make_batch, make_desk, make_message, make_reply

REPLY = make_reply("track", text="it is on its way", intent="shipping.track")
OF = Ticket(intent="shipping.track")
WANTED = Wanted(messages=("shipping.track",), limit=9)
POLICY = Policy(enabled=True, intents=("shipping.track",), min_confidence=0.5, min_similarity=-1.0)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def desks(request: pytest.FixtureRequest) -> Iterator[tuple[Desk, Desk]]:
    """Two engines over one state, that both hold what is kept so far."""
    url: str = request.getfixturevalue(request.param)
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(url))) for _ in range(2)]
        one, other = map(make_desk, stores)
        for desk in (one, other):
            stack.callback(desk.assist.library.close)
            desk.assist.bookkeeper.put(TENANT, [make_reply("old", intent="refund.request")])
            desk.assist.policies.of(TENANT)
        yield one, other


def suggested(desk: Desk) -> dict[str, str]:
    """Texts of all replies, by id, as an agent is shown them."""
    wanted = desk.assist.adviser.with_context(TENANT, WANTED)
    found = desk.assist.suggester.suggest(TENANT, wanted).suggestions
    return {one.reply.reply_id: one.reply.text for one in found}


def take(desk: Desk, request_id: str = "f1") -> tuple[float, bool]:
    """An agent sent the first of the list."""
    feedback = Feedback(
        request_id=request_id,
        shown=("track", "old"),
        outcome=FeedbackOutcome.ACCEPTED,
        reply_id="track",
        reply_text="text",
        sent_text="",
    )
    return desk.assist.bookkeeper.record(TENANT, feedback, OF)


class TestTwoEngines:
    def test_one_suggests_what_the_other_put_replaced_and_deleted(self, desks: tuple[Desk, Desk]) -> None:
        one, other = desks
        seen = []
        for change in (
            lambda: one.assist.bookkeeper.put(TENANT, [REPLY]),
            lambda: one.assist.bookkeeper.put(TENANT, [replace(REPLY, text="new")]),
            lambda: one.assist.bookkeeper.delete(TENANT, "old"),
        ):
            change()
            seen.append(suggested(other))

        assert [one.get("track") for one in seen] == [REPLY.text, "new", "new"]
        assert ["old" in one for one in seen] == [True, True, False]

    def test_a_message_is_answered_with_what_the_other_put(self, desks: tuple[Desk, Desk]) -> None:
        one, other = desks
        one.assist.bookkeeper.put(TENANT, [REPLY])
        (answer,) = other.pipeline.process(make_batch(make_message("shipping.track")))

        assert b"it is on its way" in answer

    def test_both_may_change_in_turn(self, desks: tuple[Desk, Desk]) -> None:
        for number, desk in enumerate(desks * 3):
            desk.assist.bookkeeper.put(TENANT, [make_reply(f"r{number}")])

        assert suggested(desks[0]) == suggested(desks[1])
        assert len(suggested(desks[0])) == 7

    def test_what_the_other_deleted_cannot_be_deleted_again(self, desks: tuple[Desk, Desk]) -> None:
        desks[0].assist.bookkeeper.delete(TENANT, "old")

        with pytest.raises(NotFoundError, match="old"):
            desks[1].assist.bookkeeper.delete(TENANT, "old")

    def test_an_auto_reply_policy_holds_at_both(self, desks: tuple[Desk, Desk]) -> None:
        one, other = desks
        one.assist.policies.put(TENANT, POLICY)
        switched_on = other.assist.policies.of(TENANT)
        other.assist.policies.put(TENANT, Policy())

        assert switched_on == POLICY
        assert one.assist.policies.of(TENANT) == Policy()

    def test_what_both_learn_adds_up(self, desks: tuple[Desk, Desk]) -> None:
        for number, desk in enumerate(desks * 2):
            take(desk, f"f{number}")

        for desk in desks:
            assert desk.assist.reviewer.records(TENANT)["track"].accepted == 4

    def test_what_both_learn_at_once_adds_up(self, desks: tuple[Desk, Desk]) -> None:
        race = threading.Barrier(len(desks))

        def take_ten(desk: Desk) -> None:
            race.wait()
            for number in range(10):
                take(desk, f"{desks.index(desk)}-{number}")

        with ThreadPoolExecutor(len(desks)) as pool:
            list(pool.map(take_ten, desks))

        assert desks[0].assist.reviewer.records(TENANT)["track"].accepted == 20

    def test_feedback_repeated_at_the_other_counts_once(self, desks: tuple[Desk, Desk]) -> None:
        assert [take(desk) for desk in desks] == [(1.0, False), (1.0, True)]
        assert desks[1].assist.reviewer.records(TENANT)["track"].accepted == 1


class TestVersions:
    @pytest.fixture
    def kept(self, redis_url: str) -> Iterator[tuple[AssistStore, AssistStore]]:
        with closing(open_store(redis_url)) as one, closing(open_store(redis_url)) as other:
            yield one.assist, other.assist

    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            ("replies", lambda one: one.seed(TENANT, [])),
            ("replies", lambda one: one.put_replies(TENANT, [REPLY])),
            ("policy", lambda one: one.put_document(TENANT, "policy", "a", b"1")),
            ("learned", lambda one: one.commit_feedback(TENANT, "f1", b"1", {}, 0)),
        ],
    )
    def test_another_engines_change_raises_its_kind_once(
        self, kept: tuple[AssistStore, AssistStore], kind: str, change: Callable[[AssistStore], object]
    ) -> None:
        one, other = kept
        assert other.versions(TENANT) == {}
        change(one)

        assert [dict(other.versions(TENANT)) for _ in range(2)] == [{kind: 1}] * 2
        assert one.versions(TENANT) == other.versions("another") == {}

    def test_a_change_before_ones_own_is_not_missed(self, kept: tuple[AssistStore, AssistStore]) -> None:
        one, other = kept
        one.put_replies(TENANT, [REPLY])
        other.put_replies(TENANT, [make_reply("own")])

        assert other.versions(TENANT) == {"replies": 1}

    def test_feedback_on_what_another_engine_changed_is_refused(
        self, kept: tuple[AssistStore, AssistStore]
    ) -> None:
        one, other = kept
        one.commit_feedback(TENANT, "f1", b"1", {"a": b"1"}, 0)
        with pytest.raises(ContentionError):
            other.commit_feedback(TENANT, "f2", b"2", {"a": b"2"}, 0)
        other.versions(TENANT)

        assert one.documents(TENANT, "learned") == {"a": b"1"}
        assert other.commit_feedback(TENANT, "f2", b"2", {"a": b"2"}, 0) is None

    def test_what_was_lost_in_a_failover_counts_as_changed(
        self, kept: tuple[AssistStore, AssistStore], redis_server: RedisServer
    ) -> None:
        one, _ = kept
        one.put_replies(TENANT, [REPLY])
        with redis_server.client() as client:
            client.delete(f"{prefix_of(TENANT)}:assist")

        assert one.versions(TENANT) == {"replies": 1}


def test_receipts_are_forgotten_after_a_month(redis_url: str) -> None:
    with closing(open_store(redis_url)) as store:
        store.assist.put_replies(TENANT, [REPLY])
        store.assist.commit_feedback(TENANT, "f1", b"1", {}, 0)
        store.assist.delete_reply(TENANT, "track", "d1", 0)
        ttl = [
            store._client.call("TTL", f"{prefix_of(TENANT)}:receipt:{what}")
            for what in ("feedback:f1", "delete:d1")
        ]

    assert all(RECEIPTS_KEPT - 60 <= one <= RECEIPTS_KEPT for one in ttl)
