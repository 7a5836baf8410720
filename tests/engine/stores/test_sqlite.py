from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain import Change, Conversation, ConversationState, Event
from engine.errors import StartError, StorageError
from engine.ports import RECEIPTS_KEPT
from engine.stores.sqlite import SQLiteStore, open_store
from engine.stores.sqlite_file import SCHEMA_VERSION
from engine.workflow.outbox import FollowUp, Receipt
from tests.fakes import make_agent, make_conversation, make_reply


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "yingda.db"


@contextmanager
def opened(path: Path) -> Iterator[SQLiteStore]:
    with closing(open_store(path, sync="normal")) as store:
        yield store


def failure(path: Path) -> str:
    with pytest.raises(StartError) as raised:
        open_store(path, sync="normal")
    return str(raised.value)


def test_a_missing_folder_is_made(path: Path) -> None:
    with opened(path):
        assert path.is_file()


def test_a_second_engine_is_refused_while_the_first_runs(path: Path) -> None:
    with opened(path):
        message = failure(path)

    assert message == f"{path} is in use by another engine: stop that one, or name another --data-dir"


def test_the_first_engine_serves_on_after_a_second_was_refused(path: Path) -> None:
    with opened(path) as store:
        failure(path)
        store.assist.put_replies("shop", [make_reply()])

        assert store.assist.replies("shop") == [make_reply()]


def test_the_lock_ends_with_its_engine(path: Path) -> None:
    with opened(path) as store:
        store.assist.put_replies("shop", [make_reply()])
    with opened(path) as store:
        assert store.assist.replies("shop") == [make_reply()]


def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("the shopping list, which is long enough to be no empty file\n" * 20)
    message = failure(path)

    assert message == f"{path} is not a Yingda database: name another --data-dir, or move the file away"
    assert path.read_text().startswith("the shopping list")


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE agents (name TEXT)")
    before = path.read_bytes()
    message = failure(path)

    assert message == f"{path} is not a Yingda database: name another --data-dir, or move the file away"
    assert path.read_bytes() == before


def test_a_file_of_a_newer_release_is_refused_and_left_alone(path: Path) -> None:
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    message = failure(path)

    assert "was written by a newer release" in message
    assert "user can write" not in message
    with closing(sqlite3.connect(path)) as newer:
        assert newer.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)


def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)

    assert failure(path).startswith(f"cannot open {path} (")


def test_a_file_in_the_folders_place_is_refused(path: Path) -> None:
    path.parent.write_text("")

    assert failure(path).endswith("name a --data-dir that this user can write")


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    assert failure(Path("/proc/yingda/yingda.db")).endswith("name a --data-dir that this user can write")


def test_a_refused_file_is_let_go(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("no database" * 100)
    failure(path)
    path.unlink()

    with opened(path) as store:
        assert store.assist.replies("shop") == []


@pytest.mark.parametrize("sync", ["normal", "full"])
def test_what_was_committed_is_in_the_file_before_it_is_closed(path: Path, sync: str) -> None:
    with closing(open_store(path, sync=sync)) as store:  # type: ignore[arg-type]
        store.commit([Change(tenant="shop", conversations=[make_conversation()])])
        copy = path.with_name("copy.db")
        copy.write_bytes(path.read_bytes())
        copy.with_name("copy.db-wal").write_bytes(path.with_name("yingda.db-wal").read_bytes())
        with opened(copy) as after_kill:
            found = after_kill.conversations("shop", ["c1"])

    assert found == {"c1": make_conversation()}


def test_a_failing_disk_is_a_storage_error_and_nothing_is_kept(path: Path) -> None:
    with opened(path) as store:
        store.put_agent("shop", make_agent())
        store._db.execute("PRAGMA max_page_count = 1")
        events = [Event(conversation_id="c1", kind="k", time_ms=1, data=b"x" * 100_000, key="k1")]
        with pytest.raises(StorageError, match=r"cannot be written.*full"):
            store.commit([Change(tenant="shop", claims={"ann": 1}, events=events)])
        store._db.execute("PRAGMA max_page_count = 1000000")

        assert store.records("shop", ["k1"]) == {}
        assert int(store.roster("shop").load[0]) == 0
        assert store.commit([Change(tenant="shop", claims={"ann": 1}, events=events)]) == [True]


def test_a_failing_read_is_a_storage_error(path: Path) -> None:
    with opened(path) as store:
        store._db.execute("DROP TABLE replies")

        with pytest.raises(StorageError, match="cannot be read"):
            store.assist.replies("shop")


_numbers = itertools.count(1)
READS: dict[str, Callable[[SQLiteStore], object]] = {
    "records": lambda store: store.records("shop", ["k1", "k9", "none"]),
    "conversations": lambda store: store.conversations("shop", ["c1", "c9", "none"]),
    "open_conversations": lambda store: store.open_conversations("shop", [(1, "cu1"), (1, "none")]),
    "waiting": lambda store: store.waiting("shop", {"logistics": 3, "none": 3}),
    "list_conversations": lambda store: store.list_conversations("shop", None, None, 3),
    "a page of list_conversations": lambda store: store.list_conversations("shop", None, (20, "c20"), 3),
    "held": lambda store: store.held("shop", "ann"),
    "due": lambda store: store.due(3),
    "next_due_ms": lambda store: store.next_due_ms(),
    "events": lambda store: store.events("shop", "c1", 0, 3),
    "last_record": lambda store: store.last_record("shop", "c1"),
    "a commit that opens a conversation": lambda store: store.commit([opening(f"new{next(_numbers)}")]),
}


def opening(conversation_id: str) -> Change:
    one = make_conversation(conversation_id, customer_id=conversation_id)
    return Change(tenant="shop", conversations=[one], alone=[conversation_id])


def fill(store: SQLiteStore, conversations: range) -> None:
    changes = Change(
        tenant="shop",
        conversations=[
            make_conversation(
                f"c{number}",
                customer_id=f"cu{number}",
                opened_ms=number,
                state=state,
                queues=("logistics",) if state is ConversationState.WAITING else (),
                agent_id="ann" if number in (1, 2) else f"agent{number}",
                due_ms=number,
            )
            for number, state in zip(conversations, itertools.cycle(ConversationState))
        ],
        events=[
            Event(
                conversation_id=f"c{number}", kind="message_received", time_ms=1, data=b"x", key=f"k{number}"
            )
            for number in conversations
        ],
    )
    assert store.commit([changes]) == [True]


def served(waiting: Conversation) -> Conversation:
    return replace(
        waiting, state=ConversationState.ASSIGNED, agent_id="ann", queues=(), version=waiting.version + 1
    )


def cost(store: SQLiteStore, read: Callable[[SQLiteStore], object]) -> int:
    """Instructions of SQLite's virtual machine that a call takes."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store._db.set_progress_handler(count, 1)
    read(store)
    store._db.set_progress_handler(None, 1)
    return steps


@pytest.mark.parametrize("name", READS)
def test_a_lookup_costs_the_same_among_few_and_among_many(path: Path, name: str) -> None:
    with opened(path) as store:
        fill(store, range(100))
        few = cost(store, READS[name])
        fill(store, range(100, 3000))
        many = cost(store, READS[name])

    assert few > 0
    assert many <= 1.3 * few


def test_whoever_stands_behind_a_forgotten_first_one_is_read_with_it(path: Path) -> None:
    with opened(path) as store:
        fill(store, range(100))
    with opened(path) as store:
        first = store.waiting("shop", {"logistics": 1})
        store.commit([Change(tenant="shop", conversations=[served(one) for one in first])])
        statements: list[str] = []
        store._db.set_trace_callback(statements.append)
        (second,) = store.waiting("shop", {"logistics": 1})

    assert second.conversation_id not in {one.conversation_id for one in first}
    assert [one for one in statements if "FROM conversations" in one] == []


def test_a_forgotten_ones_journal_goes_on_where_it_ended(path: Path) -> None:
    with opened(path) as store:
        fill(store, range(100))
    with opened(path) as store:
        (first,) = store.waiting("shop", {"logistics": 1})
        one = served(first)
        told = Event(conversation_id=one.conversation_id, kind="given", time_ms=2, data=b"y")
        store.commit([Change(tenant="shop", conversations=[one], events=[told])])

        found = store.events("shop", one.conversation_id, 0, 9)
        assert [entry.event.kind for entry in found] == ["message_received", "given"]


def test_receipts_of_tickets_are_forgotten_after_a_month(embedded: SQLiteStore) -> None:
    def keep(request_id: str, time_ms: int) -> None:
        receipt = Receipt(request_id=request_id, data=b"1", time_ms=time_ms)
        assert embedded.commit([Change(tenant="shop", follow_up=FollowUp(receipt=receipt))]) == [True]

    keep("old", 1)
    keep("new", RECEIPTS_KEPT * 1000 + 2)

    assert [embedded.workflow.answered("shop", one) for one in ("old", "new")] == [None, b"1"]
