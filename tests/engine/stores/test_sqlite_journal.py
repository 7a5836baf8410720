from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Change, Conversation, ConversationState, Event, Mood
from engine.errors import StartError
from engine.stores import sqlite_heads
from engine.stores.sqlite import SQLiteStore, open_store
from tests.fakes import make_conversation


@contextmanager
def opened(path: Path) -> Iterator[SQLiteStore]:
    with closing(open_store(path, sync="normal")) as store:
        yield store


@contextmanager
def after_kill(path: Path) -> Iterator[SQLiteStore]:
    """What another process finds that opens the files as they are now."""
    copy = path.with_name("killed.db")
    copy.write_bytes(path.read_bytes())
    copy.with_name("killed.db-wal").write_bytes(path.with_name(f"{path.name}-wal").read_bytes())
    with opened(copy) as store:
        yield store


def say(store: SQLiteStore, *names: str) -> None:
    """One commit of a message for each conversation named; the text says which message of all it is."""
    events = [
        Event(
            conversation_id=name,
            kind="message_received",
            time_ms=1,
            data=f"{name} {number}".encode(),
            key=f"{name} {number}",
        )
        for number, name in enumerate(names, store._journal._next)
    ]
    assert store.commit([Change(tenant="shop", events=events)]) == [True]


def texts(store: SQLiteStore, conversation_id: str, after: int = 0) -> list[str]:
    return [one.event.data.decode() for one in store.events("shop", conversation_id, after, 99)]


def heads_in_table(store: SQLiteStore) -> int:
    count: int = store._db.execute("SELECT count(*) FROM heads").fetchone()[0]
    return count


def test_a_conversation_is_followed_through_frames_and_past_others(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        say(store, "ann", "bob", "ann")
        say(store, "bob")
        say(store, "ann")

        assert texts(store, "ann") == ["ann 1", "ann 3", "ann 5"]
        assert texts(store, "ann", after=1) == ["ann 3", "ann 5"]


def test_a_kill_loses_no_link(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        say(store, "ann", "bob")
        say(store, "ann")
        assert heads_in_table(store) == 0
        with after_kill(tmp_path / "a.db") as again:
            say(again, "ann")

            assert texts(again, "ann") == ["ann 1", "ann 3", "ann 4"]
            assert texts(again, "bob") == ["bob 2"]


def test_a_refused_change_leaves_no_link(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        say(store, "ann")
        again = Event(conversation_id="ann", kind="message_received", time_ms=1, data=b"again", key="ann 1")
        assert store.commit([Change(tenant="shop", events=[again])]) == [False]
        say(store, "ann")

        assert texts(store, "ann") == ["ann 1", "ann 3"]


@pytest.mark.parametrize(("lagging", "span"), [(3, 10**6), (10**6, 5)])
def test_heads_lag_behind_by_so_many_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lagging: int, span: int
) -> None:
    monkeypatch.setattr(sqlite_heads, "_LAGGING", lagging)
    monkeypatch.setattr(sqlite_heads, "_SPAN", span)
    with opened(tmp_path / "a.db") as store:
        for number in range(12):
            say(store, f"c{number}", "ann")
        assert 6 <= heads_in_table(store) < 13
        with after_kill(tmp_path / "a.db") as again:
            found = [texts(again, f"c{number}") for number in range(12)]

            assert found == [[f"c{number} {2 * number + 1}"] for number in range(12)]
            assert len(texts(again, "ann")) == 12


def test_a_closed_store_has_nothing_to_read_again(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        say(store, "ann", "bob")
    with opened(tmp_path / "a.db") as store:
        assert heads_in_table(store) == 2
        assert store._journal._heads.written_to == 2
        assert texts(store, "ann") == ["ann 1"]


def test_a_chain_ends_where_its_frames_were_taken_away(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        for _ in range(3):
            say(store, "ann", "bob")
        store._db.execute("DELETE FROM journal WHERE sequence < 5")
        store._journal._frame.cache_clear()

        assert texts(store, "ann") == ["ann 5"]
        assert store.records("shop", ["ann 1", "ann 5"]) == {"ann 1": b"", "ann 5": b"ann 5"}


def test_a_refused_message_stays_refused_when_its_frame_is_gone(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        say(store, "ann")
        store._db.execute("DELETE FROM journal")
        again = Event(conversation_id="ann", kind="message_received", time_ms=1, data=b"again", key="ann 1")

        assert store.commit([Change(tenant="shop", events=[again])]) == [False]


def test_a_file_from_before_frames_is_refused_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        store._db.execute("PRAGMA user_version = 1")

    with pytest.raises(StartError, match="before the first release"):
        open_store(tmp_path / "a.db", sync="normal")


def held(name: str, version: int, anger: float = 0.0) -> Conversation:
    mood = Mood(anger=anger, is_angry=anger > 0.5)
    return make_conversation(
        name, state=ConversationState.ASSIGNED, agent_id="ann", queues=(), mood=mood, version=version
    )


def keep(store: SQLiteStore, *kept: Conversation) -> None:
    """One commit of conversations that stay with their agent, and of a message in each."""
    events = [
        Event(conversation_id=name, kind="message_received", time_ms=1, data=b"", key=f"{name}:{version}")
        for name, version in ((one.conversation_id, one.version) for one in kept)
    ]
    assert store.commit([Change(tenant="shop", kept=kept, events=events)]) == [True]


def versions_in_table(store: SQLiteStore) -> dict[str, int]:
    return dict(store._db.execute("SELECT conversation_id, version FROM conversations").fetchall())


def test_a_kill_loses_no_mood(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        store.commit([Change(tenant="shop", conversations=[held("c1", 1), held("c2", 1)])])
        keep(store, held("c1", 2, 0.25), held("c2", 2, 0.75))
        keep(store, held("c2", 3, 0.5))
        assert versions_in_table(store) == {"c1": 1, "c2": 1}
        with after_kill(tmp_path / "a.db") as again:
            found = again.conversations("shop", ["c1", "c2"])

    assert found == {"c1": held("c1", 2, 0.25), "c2": held("c2", 3, 0.5)}


def test_a_row_follows_with_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_heads, "_LAGGING", 2)
    monkeypatch.setattr(sqlite_heads, "_AT_ONCE", 1)
    with opened(tmp_path / "a.db") as store:
        names = [f"c{number}" for number in range(6)]
        store.commit([Change(tenant="shop", conversations=[held(name, 1) for name in names])])
        for name in names:
            keep(store, held(name, 2))
        assert sorted(versions_in_table(store).values()).count(2) >= 3
        with after_kill(tmp_path / "a.db") as again:
            assert [one.version for one in again.conversations("shop", names).values()] == [2] * 6


def test_a_closed_stores_rows_lack_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        store.commit([Change(tenant="shop", conversations=[held("c1", 1)])])
        keep(store, held("c1", 2))
    with opened(tmp_path / "a.db") as store:
        assert versions_in_table(store) == {"c1": 2}


def test_a_refused_change_keeps_the_mood_that_was(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        store.commit([Change(tenant="shop", conversations=[held("c1", 1)])])
        keep(store, held("c1", 2, 0.25))
        change = Change(tenant="shop", kept=[held("c1", 3, 0.75)], claims={"nobody": 1})

        assert store.commit([change]) == [False]
        assert store.conversations("shop", ["c1"]) == {"c1": held("c1", 2, 0.25)}


def test_a_customer_known_to_have_none_open_is_known_to_have_one(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        customer = (held("c1", 1).channel, held("c1", 1).customer_id)
        assert store.open_conversations("shop", [customer]) == {}
        store.commit([Change(tenant="shop", conversations=[held("c1", 1)], alone=["c1"])])

        assert store.open_conversations("shop", [customer]) == {customer: held("c1", 1)}
        assert store.commit([Change(tenant="shop", conversations=[held("c2", 1)], alone=["c2"])]) == [False]


def born(name: str, customer_id: str = "cu1", time_ms: int = 10) -> Conversation:
    return make_conversation(
        name,
        customer_id=customer_id,
        state=ConversationState.ASSIGNED,
        agent_id="ann",
        units=100,
        queued_ms=0,
        rank_ms=0,
        queues=(),
        opened_ms=time_ms,
        updated_ms=time_ms,
        version=1,
    )


def open_ones(store: SQLiteStore, *opened: Conversation) -> list[bool]:
    """One commit of new conversations, and of a message in each."""
    events = [
        Event(one.conversation_id, "message_received", one.opened_ms, b"a message", one.conversation_id)
        for one in opened
    ]
    return store.commit([Change(tenant="shop", conversations=opened, events=events)])


def test_a_new_conversations_row_is_written_later(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        assert open_ones(store, born("c1")) == [True]
        assert versions_in_table(store) == {}
        keep(store, held("c1", 2, 0.25))

        assert store.conversations("shop", ["c1"]) == {"c1": held("c1", 2, 0.25)}
    with opened(tmp_path / "a.db") as store:
        assert versions_in_table(store) == {"c1": 2}


def test_a_kill_loses_no_new_conversation(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1", "cu1"), born("c2", "cu2"))
        keep(store, held("c2", 2, 0.75))
        with after_kill(tmp_path / "a.db") as again:
            assert versions_in_table(again) == {}
            found = again.open_conversations("shop", [(1, "cu1"), (1, "cu2")])

            assert found[1, "cu1"] == born("c1", "cu1")
            assert found[1, "cu2"].version == 2


@pytest.mark.parametrize("query", ["held", "list"])
def test_a_query_by_condition_finds_what_has_no_row(tmp_path: Path, query: str) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1"))
        queries = {
            "held": lambda: store.held("shop", "ann"),
            "list": lambda: store.list_conversations("shop", ConversationState.ASSIGNED, None, 9),
        }

        assert queries[query]() == [born("c1")]
        assert versions_in_table(store) == {"c1": 1}


def test_a_customers_newest_are_found_with_those_that_have_no_row_and_none_is_written(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1", time_ms=10))
        store.held("shop", "ann")  # which writes its row
        open_ones(store, born("c2", time_ms=20), born("c3", "another", time_ms=30))

        assert store.of_customer("shop", 1, "cu1", 9) == [born("c2", time_ms=20), born("c1", time_ms=10)]
        assert store.of_customer("shop", 1, "cu1", 1) == [born("c2", time_ms=20)]
        assert versions_in_table(store) == {"c1": 1}


def test_of_two_open_ones_without_a_row_the_newest_is_the_customers(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1", time_ms=10))
        open_ones(store, born("c2", time_ms=20))

        assert store.open_conversations("shop", [(1, "cu1")]) == {(1, "cu1"): born("c2", time_ms=20)}


def test_who_has_one_without_a_row_opens_none_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1"))
        alone = Change(tenant="shop", conversations=[held("c2", 1)], alone={"c2"})

        assert store.commit([alone]) == [False]


def test_one_without_a_row_cannot_be_opened_again(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1"))

        assert store.commit([Change(tenant="shop", conversations=[held("c1", 1)])]) == [False]


def test_one_without_a_row_is_written_when_it_changes(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1"))
        closed = replace(held("c1", 2), state=ConversationState.CLOSED, agent_id="")
        assert store.commit([Change(tenant="shop", conversations=[closed])]) == [True]

        assert versions_in_table(store) == {"c1": 2}
        with after_kill(tmp_path / "a.db") as again:
            assert again.conversations("shop", ["c1"]) == {"c1": closed}


def test_one_without_a_row_may_change_in_the_commit_with_which_its_row_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_heads, "_LAGGING", 0)
    monkeypatch.setattr(sqlite_heads, "_AT_ONCE", 1)
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1"))
        closed = replace(held("c1", 2), state=ConversationState.CLOSED, agent_id="")
        event = Event("c1", "conversation_closed", 20, b"")
        assert store.commit([Change(tenant="shop", conversations=[closed], events=[event])]) == [True]

        assert versions_in_table(store) == {"c1": 2}
        assert store.conversations("shop", ["c1"]) == {"c1": closed}
        assert store.list_conversations("shop", None, None, 9) == [closed]


def test_a_refused_change_opens_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        message = Event("c1", "message_received", 10, b"a message", "key")
        change = Change(tenant="shop", conversations=[born("c1")], events=[message], claims={"nobody": 1})
        assert store.open_conversations("shop", [(1, "cu1")]) == {}
        assert store.commit([change]) == [False]

        assert store.open_conversations("shop", [(1, "cu1")]) == {}
        assert open_ones(store, born("c1")) == [True]


def test_no_frame_names_the_customer_once_its_texts_were_taken_out(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as store:
        open_ones(store, born("c1", "a-telling-name"))
        store.archive.rewrite("shop", {1: b""})

        assert store._db.execute("SELECT pulses FROM journal").fetchall() == [(b"",)]
        assert store.conversations("shop", ["c1"])["c1"].customer_id == "a-telling-name"


NAMES = ["c1", "c2", "c3", "c4"]
COMMITS = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(NAMES), st.sampled_from(["open", "keep", "change", "close"]), min_size=1
        ),
        st.booleans(),  # whether a query comes after it for which all rows are written
    ),
    max_size=12,
)


def commit(store: SQLiteStore, known: dict[str, Conversation], wanted: Mapping[str, str]) -> None:
    """Open, keep, change and close what can be, in one commit, and know of it."""
    after = {name: one for name, what in wanted.items() if (one := _following(name, what, known.get(name)))}
    events = [
        Event(name, "message_received", one.updated_ms, b"", f"{name}:{one.version}")
        for name, one in after.items()
    ]
    kept = [one for name, one in after.items() if wanted[name] == "keep"]
    changed = [one for name, one in after.items() if wanted[name] != "keep"]
    assert store.commit([Change(tenant="shop", conversations=changed, kept=kept, events=events)]) == [True]
    known.update(after)


def _following(name: str, what: str, known: Conversation | None) -> Conversation | None:
    if known is None:
        return born(name, f"customer of {name}") if what == "open" else None
    if what == "open" or known.state is ConversationState.CLOSED:
        return None
    changes: dict[str, dict[str, Any]] = {
        "keep": {"mood": Mood(anger=0.25 * (known.version % 4), is_angry=known.version % 4 == 3)},
        "change": {"agent_id": "bob" if known.agent_id == "ann" else "ann"},
        "close": {"state": ConversationState.CLOSED, "agent_id": "", "units": 0},
    }
    return replace(known, version=known.version + 1, updated_ms=known.updated_ms + 1, **changes[what])


@settings(max_examples=60)
@given(commits=COMMITS, lagging=st.integers(0, 3))
def test_rows_follow_what_happens_in_any_order(
    commits: list[tuple[dict[str, str], bool]], lagging: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(sqlite_heads, "_LAGGING", lagging)
        patch.setattr(sqlite_heads, "_AT_ONCE", 1)
        known: dict[str, Conversation] = {}
        path = Path(folder) / "a.db"
        with opened(path) as store:
            for wanted, is_queried in commits:
                commit(store, known, wanted)
                assert store.conversations("shop", NAMES) == known
                if is_queried:
                    held_by = [one.conversation_id for one in store.held("shop", "ann")]
                    assert held_by == sorted(name for name, one in known.items() if one.agent_id == "ann")
            with after_kill(path) as again:
                assert again.conversations("shop", NAMES) == known
        with opened(path) as store:
            listed = store.list_conversations("shop", None, None, 99)
            assert {one.conversation_id: one for one in listed} == known
