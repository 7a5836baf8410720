from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.decision_thread import DecisionThread
from engine.domain import Change
from engine.ports import Store
from engine.stores.sqlite import SQLiteStore
from engine.timeline import retention as retentions
from engine.timeline.past import Past
from engine.timeline.reader import JournalReader
from engine.timeline.retention import Retention
from engine.workflow.outbox import Delivery, DeliveryState, FollowUp
from engine.workflow.ticket import Comment, Ticket, TicketFilter, TicketState
from tests.engine.timeline.days import told
from tests.engine.timeline.test_privacy import OTHERS, SECRET, live, make_privacy, thread
from tests.fakes import TENANT, Desk, ask, hire, make_agent, make_desk

__all__ = ["thread"]
DAY = 86_400_000  # milliseconds
DAYS = 30


def make_retention(desk: Desk, thread: DecisionThread) -> Retention:
    return Retention(
        days={TENANT: DAYS},
        store=desk.store,
        reader=JournalReader(store=desk.store, thread=thread),
        privacy=make_privacy(desk, thread),
        clock=desk.clock,
    )


def serve(desk: Desk, customer_id: str) -> str:
    """Answer a customer and close the conversation; its id."""
    conversation_id = ask(desk, f"shipping.track {SECRET}", customer_id=customer_id).conversation_id
    desk.lifecycle.close(TENANT, conversation_id)
    return conversation_id


async def test_texts_are_taken_out_once_they_are_old(desk_store: Store, thread: DecisionThread) -> None:
    desk = live(desk_store)
    desk.clock.advance(31 * DAY)
    ask(desk, OTHERS, customer_id="cu-new")
    retention = make_retention(desk, thread)

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
    retention = make_retention(desk, thread)

    assert await retention.forget_old(TENANT) == 63
    assert len(steps) > 1
    assert max(steps) <= 64


async def test_what_is_over_goes_and_what_goes_on_is_told_still(
    desk_store: Store,
    thread: DecisionThread,
) -> None:
    desk = make_desk(desk_store)
    hire(desk, make_agent("ann"))
    gone = serve(desk, "cu1")
    going_on = ask(desk, "shipping.track", customer_id="cu2").conversation_id
    desk.clock.advance((DAYS + 1) * DAY)
    ask(desk, OTHERS, customer_id="cu3")
    await make_retention(desk, thread).let_go(TENANT)
    past = Past(TENANT)
    for commit in told(desk_store):
        past.apply(commit)
    left = {one.conversation_id: one for one in desk_store.list_conversations(TENANT, None, None, 9)}

    assert gone not in left
    assert going_on in left
    assert past.conversations == left


async def test_tickets_that_are_finished_go_and_others_stay(
    desk_store: Store,
    thread: DecisionThread,
) -> None:
    desk = make_desk(desk_store)
    now_ms = desk.clock.now_ms()
    states = {"T1": TicketState.OPEN, "T2": TicketState.SOLVED, "T3": TicketState.CLOSED}
    tickets = [
        Ticket(ticket_id=one, title=SECRET, state=state, opened_ms=now_ms, updated_ms=now_ms)
        for one, state in states.items()
    ]
    late = Ticket(
        ticket_id="T4", title="t", state=TicketState.SOLVED, opened_ms=now_ms, updated_ms=now_ms + DAY
    )
    said = Comment(ticket_id="T2", number=1, author="ann", text=SECRET, is_public=False, time_ms=1)
    desk_store.commit([Change(tenant=TENANT, follow_up=FollowUp(tickets=[*tickets, late], comments=[said]))])
    desk.clock.advance(DAYS * DAY + 1)

    assert await make_retention(desk, thread).let_go(TENANT) == 2
    kept = desk_store.workflow.tickets(TENANT, TicketFilter(), None, 9)
    assert {one.ticket_id for one in kept} == {"T1", "T4"}
    assert desk_store.workflow.comments(TENANT, "T2", 0, 9) == []


async def test_what_is_dead_for_as_long_goes_and_what_is_to_be_sent_stays(
    desk_store: Store,
    thread: DecisionThread,
) -> None:
    desk = make_desk(desk_store)
    now_ms = desk.clock.now_ms()
    made = [
        Delivery(delivery_id=one, webhook="crm", kind="k", body=b"{}", created_ms=at, due_ms=at, state=state)
        for one, at, state in (
            ("old", now_ms, DeliveryState.DEAD),
            ("new", now_ms + DAY, DeliveryState.DEAD),
            ("due", now_ms, DeliveryState.PENDING),
        )
    ]
    desk_store.commit([Change(tenant=TENANT, follow_up=FollowUp(deliveries=made))])
    desk.clock.advance(DAYS * DAY + 1)
    await make_retention(desk, thread).let_go(TENANT)

    left = desk_store.workflow.deliveries(TENANT, None, (0, ""), 9)
    assert {one.delivery_id for one in left} == {"new", "due"}


async def test_at_a_steady_rate_the_data_file_grows_no_more(
    embedded: SQLiteStore,
    thread: DecisionThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retentions, "_BREATH", 0.0)
    desk = make_desk(embedded)
    hire(desk, make_agent("ann"))
    retention = make_retention(desk, thread)
    pages: list[int] = []
    for day in range(3 * DAYS):
        for number in range(6):
            serve(desk, f"cu{day}-{number}")
        desk.clock.advance(DAY)
        await retention.forget_old(TENANT)
        await retention.let_go(TENANT)
        pages.append(embedded._db.execute("PRAGMA page_count").fetchone()[0])

    grown = [pages[end] - pages[start] for start, end in ((5, DAYS - 1), (DAYS + 5, -1))]
    assert grown[0] > 20
    assert grown[1] <= 5
