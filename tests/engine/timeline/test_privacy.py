from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from engine.decision_thread import DecisionThread
from engine.domain import Change, ConversationState
from engine.ports import Store
from engine.servicers.codec import ProtoCodec
from engine.stores.sqlite import SQLiteStore
from engine.timeline.past import Past
from engine.timeline.privacy import Deleted, Hands, Privacy
from engine.timeline.reader import JournalReader
from engine.timeline.retention import Retention
from engine.timeline.unlearning import Unlearning
from engine.workflow.outbox import FollowUp
from engine.workflow.ticket import Comment, Ticket
from tests.engine.timeline.days import told
from tests.fakes import TENANT, Desk, ask, get, hire, make_agent, make_desk

SECRET = "my parcel to Mulberry Lane never came"
OTHERS = "when does the shop open on Sundays"
DAY = 86_400_000  # milliseconds


@pytest.fixture
def thread() -> Iterator[DecisionThread]:
    with contextlib.closing(DecisionThread()) as opened:
        yield opened


def make_privacy(desk: Desk, thread: DecisionThread) -> Privacy:
    return Privacy(
        Hands(
            store=desk.store,
            codec=ProtoCodec(),
            dispatcher=desk.dispatcher,
            lifecycle=desk.lifecycle,
            reader=JournalReader(store=desk.store, thread=thread),
            forget=desk.assist.suggester.forget,
            unlearn=Unlearning(lambda: desk.assist.bookkeeper),
            lose=lambda _: None,
        )
    )


def live(store: Store) -> Desk:
    """A customer who wrote twice, and one who wrote once; both are served."""
    desk = make_desk(store)
    hire(desk, make_agent("ann"))
    ask(desk, f"shipping.track {SECRET}", customer_id="cu-gone", metadata={"address": "Mulberry Lane 7"})
    ask(desk, f"refund.request {SECRET} !", customer_id="cu-gone")
    ask(desk, OTHERS, customer_id="cu-stays")
    return desk


def all_bytes(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.iterdir())


async def delete(desk: Desk, thread: DecisionThread) -> Deleted:
    return await make_privacy(desk, thread).delete(TENANT, "cu-gone")


async def test_no_byte_of_a_deleted_customers_texts_is_left(
    desk_store: Store, thread: DecisionThread
) -> None:
    desk = live(desk_store)
    texts = [SECRET, "Mulberry Lane 7", "cu-gone", OTHERS]
    assert desk_store.archive.holds(TENANT, texts) == [True] * 4
    done = await delete(desk, thread)

    assert (done.conversations, done.remaining) == (1, 0)
    assert done.texts >= 2
    assert desk_store.archive.holds(TENANT, texts)[:2] == [False, False]
    assert desk_store.archive.holds(TENANT, texts)[3]


async def test_the_files_themselves_hold_nothing(
    tmp_path: Path, embedded: SQLiteStore, thread: DecisionThread
) -> None:
    desk = live(embedded)
    await delete(desk, thread)

    kept = all_bytes(tmp_path)
    assert SECRET.encode() not in kept
    assert b"Mulberry" not in kept
    assert OTHERS.encode() in kept


async def test_the_conversation_is_closed_and_nobodys(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    (found,) = desk_store.of_customer(TENANT, 1, "cu-gone", 9)
    await delete(desk, thread)
    after = get(desk, found.conversation_id)

    assert (after.state, after.customer_id) == (ConversationState.CLOSED, "")
    assert desk_store.of_customer(TENANT, 1, "cu-gone", 9) == []


async def test_what_was_decided_is_told_still(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    await delete(desk, thread)
    past = Past(TENANT)
    for commit in told(desk_store):
        past.apply(commit)

    live_now = desk_store.list_conversations(TENANT, None, None, 9)
    assert past.conversations == {one.conversation_id: one for one in live_now}


async def test_deleting_again_finds_nothing_more(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    await delete(desk, thread)

    assert await delete(desk, thread) == Deleted(conversations=0, entries=0, texts=0, remaining=0)


async def test_what_others_wrote_as_well_is_counted(embedded: Store, thread: DecisionThread) -> None:
    desk = live(embedded)
    ask(desk, f"shipping.track {SECRET}", customer_id="cu-stays")
    done = await delete(desk, thread)

    assert done.remaining == 1


async def test_tickets_and_what_was_said_about_them_go_too(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    (found,) = desk_store.of_customer(TENANT, 1, "cu-gone", 9)
    ticket = Ticket(
        ticket_id="T1",
        title=f"About: {SECRET}",
        conversation_id=found.conversation_id,
        customer_id="cu-gone",
        facts={"address": "Mulberry Lane 7"},
    )
    said = Comment(ticket_id="T1", number=1, author="ann", text=SECRET, is_public=False, time_ms=1)
    desk_store.commit([Change(tenant=TENANT, follow_up=FollowUp(tickets=[ticket], comments=[said]))])
    await delete(desk, thread)

    kept = desk_store.workflow.ticket(TENANT, "T1")
    assert kept is not None
    assert (kept.title, kept.customer_id, dict(kept.facts)) == ("T1", "", {})
    assert desk_store.workflow.comments(TENANT, "T1", 0, 9) == []
    assert desk_store.archive.holds(TENANT, [SECRET, "Mulberry Lane 7"]) == [False, False]


async def test_a_customer_that_nobody_knows_is_deleted_at_once(
    embedded: Store, thread: DecisionThread
) -> None:
    desk = live(embedded)

    done = await make_privacy(desk, thread).delete(TENANT, "cu-unknown")
    assert done == Deleted(conversations=0, entries=0, texts=0, remaining=0)


async def test_texts_are_taken_out_once_they_are_old(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    desk.clock.advance(31 * DAY)
    ask(desk, OTHERS, customer_id="cu-new")
    retention = Retention(
        days={TENANT: 30},
        store=desk_store,
        reader=JournalReader(store=desk_store, thread=thread),
        privacy=make_privacy(desk, thread),
        clock=desk.clock,
    )

    assert await retention.forget_old(TENANT) == 3
    assert await retention.forget_old(TENANT) == 0
    assert desk_store.archive.holds(TENANT, [SECRET, OTHERS]) == [False, True]


async def test_a_step_of_retention_touches_a_bounded_number_of_entries(
    embedded: SQLiteStore, thread: DecisionThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = live(embedded)
    for number in range(60):
        ask(desk, OTHERS, customer_id=f"cu{number}")
    desk.clock.advance(31 * DAY)
    steps: list[int] = []
    rewrite = embedded.archive.rewrite

    def counted(tenant: str, payloads: Mapping[int, bytes]) -> None:
        steps.append(len(payloads))
        rewrite(tenant, payloads)

    monkeypatch.setattr(embedded.archive, "rewrite", counted)
    retention = Retention(
        days={TENANT: 30},
        store=embedded,
        reader=JournalReader(store=embedded, thread=thread),
        privacy=make_privacy(desk, thread),
        clock=desk.clock,
    )

    assert await retention.forget_old(TENANT) == 63
    assert len(steps) > 1
    assert max(steps) <= 64
