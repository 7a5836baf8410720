from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.decision_thread import DecisionThread
from engine.domain import Change, ConversationState
from engine.ports import Store
from engine.servicers.codec import ProtoCodec
from engine.stores import redis
from engine.stores.sqlite import SQLiteStore
from engine.timeline import privacy
from engine.timeline.oblivion import Oblivion
from engine.timeline.past import Past
from engine.timeline.privacy import Deleted, Hands, Privacy
from engine.timeline.reader import JournalReader
from engine.timeline.unlearning import Unlearning
from engine.workflow.outbox import Delivery, DeliveryState, FollowUp
from engine.workflow.rule import CallWebhook, Condition, Rule
from engine.workflow.ticket import Comment, Ticket, TicketFilter
from engine.workflow.webhook import Webhook
from tests.engine.stores.conformance import Opener
from tests.engine.stores.redis_server import serving_redis, until
from tests.engine.timeline.days import told
from tests.fakes import TENANT, Desk, Workday, ask, get, hire, make_agent, make_desk

SECRET = "my parcel to Mulberry Lane never came"
OTHERS = "when does the shop open on Sundays"


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


LISTENING = Webhook(name="crm", url="https://crm.example", events=("ticket.opened",))


def open_ticket(desk: Desk, request_id: str, customer_id: str, title: str) -> Ticket:
    ticket = Ticket(ticket_id="", title=title, customer_id=customer_id, facts={"street": title})
    return desk.workflow.desk.open(TENANT, request_id, ticket)


def files_of(folder: Path) -> bytes:
    """What a Redis keeps there; one of its files may go while they are read."""
    kept = [*folder.glob("*.rdb"), *folder.glob("appendonlydir/*")]
    parts = []
    for path in kept:
        with contextlib.suppress(FileNotFoundError):
            parts.append(path.read_bytes())
    return b"\n".join(parts)


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


async def test_a_ticket_of_no_conversation_goes_too(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    ticket = Ticket(ticket_id="T1", title=f"Called: {SECRET}", customer_id="cu-gone", opened_ms=1)
    other = Ticket(ticket_id="T2", title=OTHERS, customer_id="cu-stays", opened_ms=2)
    desk_store.commit([Change(tenant=TENANT, follow_up=FollowUp(tickets=[ticket, other]))])
    await delete(desk, thread)
    kept = desk_store.workflow.tickets(TENANT, TicketFilter(), None, 9)

    assert [(one.title, one.customer_id) for one in kept] == [(OTHERS, "cu-stays"), ("T1", "")]
    assert desk_store.archive.holds(TENANT, [f"Called: {SECRET}"]) == [False]


async def test_what_is_to_be_sent_and_what_calls_were_answered_go_too(
    desk_store: Store, thread: DecisionThread
) -> None:
    desk = make_desk(desk_store, workday=Workday(webhooks=[LISTENING]))
    ask(desk, f"shipping.track {SECRET}", customer_id="cu-gone")
    open_ticket(desk, "r1", "cu-gone", "包裹“丢了” on Mulberry Lane")
    open_ticket(desk, "r2", "cu-stays", OTHERS)
    (first, *_) = desk_store.workflow.deliveries(TENANT, None, (0, ""), 9)
    desk_store.workflow.put_delivery(TENANT, replace(first, state=DeliveryState.DEAD))
    done = await delete(desk, thread)
    left = desk_store.workflow.deliveries(TENANT, None, (0, ""), 9)
    receipt = desk_store.workflow.answered(TENANT, "r1")

    assert done.remaining == 0
    assert desk_store.archive.holds(TENANT, ["包裹“丢了” on Mulberry Lane", "Mulberry"]) == [False, False]
    assert [OTHERS in one.body.decode() for one in left] == [True]
    assert receipt is not None
    assert json.loads(receipt)["customer_id"] == ""
    assert open_ticket(desk, "r1", "cu-gone", "once more").title == json.loads(receipt)["ticket_id"]


@pytest.mark.parametrize("state", list(DeliveryState))
async def test_a_webhook_with_the_customers_words_is_not_called(
    desk_store: Store, thread: DecisionThread, state: DeliveryState
) -> None:
    rule = Rule(rule_id="tell", when=Condition(), then=(CallWebhook(webhook="crm", with_text=True),))
    desk = make_desk(desk_store, workday=Workday(rules=[rule], webhooks=[LISTENING]))
    for customer in ("cu-gone", "cu-stays"):
        ask(desk, f"shipping.track {SECRET if customer == 'cu-gone' else OTHERS}", customer_id=customer)
    for one in desk_store.workflow.deliveries(TENANT, None, (0, ""), 9):
        desk_store.workflow.put_delivery(TENANT, replace(one, state=state))
    await delete(desk, thread)
    left = desk_store.workflow.deliveries(TENANT, None, (0, ""), 9)

    assert [json.loads(one.body)["data"]["customer_id"] for one in left] == ["cu-stays"]


async def test_what_was_never_in_the_journal_is_looked_for_as_well(
    embedded: SQLiteStore, thread: DecisionThread
) -> None:
    desk = make_desk(embedded)
    open_ticket(desk, "r1", "cu-gone", SECRET)
    open_ticket(desk, "r2", "cu-stays", SECRET)
    done = await delete(desk, thread)

    assert (done.texts, done.remaining) == (1, 1)


async def test_more_conversations_than_are_read_at_once_are_gone_through(
    desk_store: Store, thread: DecisionThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "_CONVERSATIONS", 2)
    desk = make_desk(desk_store)
    for number in range(5):
        ask(desk, f"{SECRET} {number}", customer_id="cu-gone")
        (newest,) = desk_store.of_customer(TENANT, 1, "cu-gone", 1)
        desk.lifecycle.close(TENANT, newest.conversation_id)
        desk.clock.advance(1000)
    done = await delete(desk, thread)

    assert (done.conversations, done.remaining) == (5, 0)
    assert desk_store.archive.holds(TENANT, [SECRET]) == [False]


def test_nothing_that_is_freed_stays_in_the_embedded_file(tmp_path: Path, embedded: SQLiteStore) -> None:
    body = json.dumps({"data": {"text": SECRET * 500}}).encode()  # fills pages of its own
    sent = Delivery(delivery_id="d1", webhook="crm", kind="k", body=body, created_ms=1, due_ms=1)
    embedded.commit([Change(tenant=TENANT, follow_up=FollowUp(deliveries=[sent]))])
    assert SECRET.encode() in all_bytes(tmp_path)
    embedded.workflow.finish_delivery(TENANT, "d1")
    embedded.archive.settle()

    assert SECRET.encode() not in all_bytes(tmp_path)


async def test_the_files_of_a_redis_are_written_anew_where_that_is_asked_for(
    tmp_path: Path, thread: DecisionThread
) -> None:
    with serving_redis(
        tmp_path, "--appendonly", "yes", "--save", "3600 1", "--rdbcompression", "no"
    ) as server:
        store = redis.open_store(server.url)
        with contextlib.closing(store), server.client() as client:
            desk = live(store)
            client.save()
            written = SECRET.encode() in files_of(tmp_path)
            done = await make_privacy(desk, thread).delete(TENANT, "cu-gone", rewrite_files=True)

            assert (written, done.remaining) == (True, 0)
            assert [one.split(" ", 1)[1] for one in done.rewriting] == ["BGREWRITEAOF", "BGSAVE SCHEDULE"]
            until(lambda: SECRET.encode() not in files_of(tmp_path))
            assert OTHERS.encode() in files_of(tmp_path)


async def test_the_embedded_store_has_no_other_files(embedded: SQLiteStore, thread: DecisionThread) -> None:
    desk = live(embedded)
    done = await make_privacy(desk, thread).delete(TENANT, "cu-gone", rewrite_files=True)

    assert done.rewriting == ()


async def test_every_engine_of_a_store_forgets(redis_opener: Opener) -> None:
    here, there = redis_opener(), redis_opener()
    forgot: list[str] = []
    one = Oblivion(store=here.assist, forget=lambda: forgot.append("here"), is_shared=True)
    other = Oblivion(store=there.assist, forget=lambda: forgot.append("there"), is_shared=True)
    for oblivion in (one, other):
        oblivion.look()
    forgot.clear()
    one.proclaim()
    for oblivion in (one, other, one, other):
        oblivion.look()

    assert forgot == ["here", "there"]


async def test_a_customer_that_nobody_knows_is_deleted_at_once(
    embedded: Store, thread: DecisionThread
) -> None:
    desk = live(embedded)

    done = await make_privacy(desk, thread).delete(TENANT, "cu-unknown")
    assert done == Deleted(conversations=0, entries=0, texts=0, remaining=0)
