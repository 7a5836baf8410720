"""What `ports.ReplyStore` and `ports.FeedbackStore` promise, for whichever store `conftest.py` opens."""

from __future__ import annotations

import pytest

from engine.domain import Change, Event
from engine.errors import NotFoundError
from engine.ports import AssistStore, Store
from tests.engine.stores.conformance import Opener
from tests.fakes import make_reply

NOW = 1_700_000_000_000
FULL = make_reply(
    "full",
    slots=("order_id",),
    title="短",
    intent="x",
    questions=("在哪", "到哪了"),
    teams=frozenset({"b", "a"}),
    channels=frozenset({3, 1}),
    valid_from_ms=5,
    valid_until_ms=9,
    updated_ms=7,
)


@pytest.fixture
def kept(store: Store) -> AssistStore:
    return store.assist


def hear(store: Store, conversation_id: str, key: str, data: bytes, tenant: str = "shop") -> None:
    event = Event(conversation_id=conversation_id, kind="message_received", time_ms=1, data=data, key=key)
    assert store.commit([Change(tenant=tenant, claims={}, events=[event])]) == [True]


class TestReplies:
    def test_replies_come_by_id_with_every_field(self, kept: AssistStore) -> None:
        kept.put_replies("shop", [make_reply("z"), FULL, make_reply("a")])

        assert kept.replies("shop") == [make_reply("a"), FULL, make_reply("z")]

    def test_putting_a_reply_again_replaces_it(self, kept: AssistStore) -> None:
        kept.put_replies("shop", [make_reply(slots=("a",))])
        kept.put_replies("shop", [make_reply(text="new", language="zh")])

        assert kept.replies("shop") == [make_reply(text="new", language="zh")]

    def test_thousands_of_replies_are_put_at_once(self, kept: AssistStore) -> None:
        many = [make_reply(f"r{number:05}") for number in range(5000)]
        kept.put_replies("shop", many)
        kept.put_replies("shop", [])

        assert kept.replies("shop") == many

    def test_a_deleted_reply_is_gone(self, kept: AssistStore) -> None:
        kept.put_replies("shop", [make_reply()])
        kept.delete_reply("shop", "r1", "", NOW)

        assert kept.replies("shop") == []

    def test_deleting_what_is_not_there_is_refused(self, kept: AssistStore) -> None:
        kept.put_replies("shop2", [make_reply()])

        with pytest.raises(NotFoundError, match=r"shop.*r1"):
            kept.delete_reply("shop", "r1", "", NOW)
        assert kept.replies("shop2") == [make_reply()]

    def test_a_request_deletes_once_and_may_come_again(self, kept: AssistStore) -> None:
        kept.put_replies("shop", [make_reply("a"), make_reply("b")])
        kept.delete_reply("shop", "a", "q1", NOW)
        kept.put_replies("shop", [make_reply("a")])
        kept.delete_reply("shop", "a", "q1", NOW)

        assert kept.replies("shop") == [make_reply("a"), make_reply("b")]

    def test_a_request_that_was_refused_may_be_made_again(self, kept: AssistStore) -> None:
        with pytest.raises(NotFoundError):
            kept.delete_reply("shop", "a", "q1", NOW)
        kept.put_replies("shop", [make_reply("a")])
        kept.delete_reply("shop", "a", "q1", NOW)

        assert kept.replies("shop") == []

    def test_a_tenant_is_seeded_once_however_little_is_left(self, kept: AssistStore) -> None:
        first = kept.seed("shop", [make_reply("a"), make_reply("b")])
        kept.delete_reply("shop", "a", "", NOW)
        second = kept.seed("shop", [make_reply("a"), make_reply("c")])

        assert (first, second) == (True, False)
        assert kept.replies("shop") == [make_reply("b")]

    def test_each_tenant_is_seeded_for_itself(self, kept: AssistStore) -> None:
        kept.seed("shop", [])

        assert kept.seed("shop2", [make_reply("b")])
        assert not kept.seed("shop", [make_reply("b")])
        assert (kept.replies("shop"), kept.replies("shop2")) == ([], [make_reply("b")])


class TestRecentRecords:
    def test_the_newest_messages_come_first(self, store: Store, kept: AssistStore) -> None:
        for number in range(4):
            hear(store, f"c{number % 2}", f"k{number}", str(number).encode())
        hear(store, "c1", "k9", b"theirs", tenant="shop2")

        assert kept.recent_records("shop", "", 3) == [b"3", b"2", b"1"]
        assert kept.recent_records("shop", "c1", 9) == [b"3", b"1"]
        assert kept.recent_records("shop", "nobody", 9) == []

    def test_what_was_read_before_is_read_anew_when_more_was_said(
        self, store: Store, kept: AssistStore
    ) -> None:
        hear(store, "c1", "k1", b"first")
        before = kept.recent_records("shop", "c1", 9)
        hear(store, "c1", "k2", b"second")

        assert before == [b"first"]
        assert kept.recent_records("shop", "c1", 9) == [b"second", b"first"]

    def test_only_messages_count(self, store: Store, kept: AssistStore) -> None:
        event = Event(conversation_id="c1", kind="conversation_closed", time_ms=1, data=b"no")
        store.commit([Change(tenant="shop", claims={}, events=[event])])

        assert kept.recent_records("shop", "c1", 9) == []

    def test_of_many_the_newest_are_remembered(self, store: Store, kept: AssistStore) -> None:
        events = [
            Event(
                conversation_id="c1",
                kind="message_received",
                time_ms=1,
                data=b"%d" % number,
                key=f"k{number}",
            )
            for number in range(10_100)
        ]
        store.commit([Change(tenant="shop", claims={}, events=events)])
        expected = [event.data for event in reversed(events)]

        assert kept.recent_records("shop", "", 10_000) == expected[:10_000]
        assert kept.recent_records("shop", "c1", 20) == expected[:20]


class TestDocuments:
    def test_documents_are_kept_by_tenant_kind_and_key(self, kept: AssistStore) -> None:
        kept.put_document("shop", "policy", "a", b"1")
        kept.put_document("shop", "policy", "a", b"2")
        kept.put_document("shop", "learned", "a", b"3")
        kept.put_document("shop2", "policy", "a", b"4")

        assert kept.documents("shop", "policy") == {"a": b"2"}
        assert kept.documents("shop", "learned") == {"a": b"3"}
        assert kept.documents("shop", "none") == {}

    def test_feedback_is_committed_once(self, kept: AssistStore) -> None:
        first = kept.commit_feedback("shop", "f1", b"receipt", {"a": b"1"}, NOW)
        second = kept.commit_feedback("shop", "f1", b"other", {"a": b"2", "b": b"2"}, NOW)

        assert (first, second) == (None, b"receipt")
        assert kept.documents("shop", "learned") == {"a": b"1"}
        assert kept.receipt("shop", "f1") == b"receipt"
        assert kept.receipt("shop2", "f1") is None

    def test_documents_are_any_bytes(self, kept: AssistStore) -> None:
        data = bytes(range(256))
        kept.commit_feedback("shop", "f1", data, {"a/键": data}, NOW)
        kept.put_document("shop", "policy", "b", data)

        assert kept.receipt("shop", "f1") == kept.commit_feedback("shop", "f1", b"", {}, NOW) == data
        assert kept.documents("shop", "learned") == {"a/键": data}
        assert kept.documents("shop", "policy") == {"b": data}

    def test_tenants_may_use_the_same_request_id(self, kept: AssistStore) -> None:
        kept.commit_feedback("shop", "f1", b"one", {}, NOW)

        assert kept.commit_feedback("shop2", "f1", b"two", {"a": b"2"}, NOW) is None
        assert kept.documents("shop2", "learned") == {"a": b"2"}


class TestVersions:
    def test_what_this_engine_changes_leaves_them(self, kept: AssistStore) -> None:
        before = dict(kept.versions("shop"))
        kept.seed("shop", [make_reply("a"), FULL])
        kept.put_replies("shop", [make_reply("b")])
        kept.delete_reply("shop", "b", "", NOW)
        kept.put_document("shop", "policy", "a", b"1")
        kept.commit_feedback("shop", "f1", b"receipt", {"a": b"1"}, NOW)

        assert dict(kept.versions("shop")) == before


class TestOpeningAgain:
    def test_everything_is_kept(self, store: Store, opener: Opener) -> None:
        store.assist.seed("shop", [make_reply("a"), FULL])
        store.assist.delete_reply("shop", "a", "", NOW)
        store.assist.put_document("shop", "policy", "p", b"1")
        store.assist.commit_feedback("shop", "f1", b"receipt", {"a": b"1"}, NOW)
        store.close()
        again = opener().assist

        assert again.replies("shop") == [FULL]
        assert not again.seed("shop", [make_reply("c")])
        assert again.documents("shop", "policy") == {"p": b"1"}
        assert again.documents("shop", "learned") == {"a": b"1"}
        assert again.receipt("shop", "f1") == b"receipt"
