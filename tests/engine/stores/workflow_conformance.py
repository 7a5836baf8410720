"""What `ports.WorkflowStore` and the follow-up of a commit promise, for whichever store `conftest.py` opens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain import Change, Event
from engine.ports import Store, WorkflowStore
from engine.workflow.outbox import Delivery, DeliveryState, Firing, FollowUp, Receipt
from engine.workflow.ticket import Comment, Ticket, TicketFilter, TicketState
from tests.engine.stores.conformance import Opener
from tests.fakes import FieldValue

FULL = Ticket(
    ticket_id="T1",
    title="退货 “{x}”",
    state=TicketState.PENDING,
    priority=7,
    assignee_id="ann",
    team="night",
    conversation_id="c1",
    customer_id="cu1",
    channel=3,
    rule_id="return",
    tags=("a", "b"),
    facts={"order_id": "A1", "客户": "值"},
    opened_ms=5,
    updated_ms=6,
    due_ms=7,
    comments=2,
    external_id="42",
)
EVERYTHING = TicketFilter()


@pytest.fixture
def kept(store: Store) -> WorkflowStore:
    return store.workflow


def make_ticket(ticket_id: str, **changes: FieldValue) -> Ticket:
    return replace(Ticket(ticket_id=ticket_id, title="t", opened_ms=1), **changes)


def make_delivery(delivery_id: str = "d1", **changes: FieldValue) -> Delivery:
    fields: dict[str, FieldValue] = {
        "webhook": "crm",
        "kind": "k",
        "body": '{"值":1}'.encode(),
        "created_ms": 1,
        "due_ms": 1,
    }
    return Delivery(**(fields | {"delivery_id": delivery_id} | changes))


def follow(store: Store, tenant: str = "shop", **follow_up: FieldValue) -> bool:
    (done,) = store.commit([Change(tenant=tenant, follow_up=FollowUp(**follow_up))])
    return done


def firing(before_ms: int, fired_ms: int, rule_id: str = "r1") -> Firing:
    return Firing(conversation_id="c1", rule_id=rule_id, before_ms=before_ms, fired_ms=fired_ms)


class TestFirings:
    def test_what_fired_is_known_by_conversation_and_rule(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, firings=[firing(0, 5), firing(0, 5, "r2")])

        assert kept.fired("shop", ["c1", "c2"]) == {("c1", "r1"): 5, ("c1", "r2"): 5}
        assert kept.fired("shop2", ["c1"]) == {}
        assert kept.fired("shop", []) == {}

    def test_a_firing_follows_the_one_before(self, store: Store, kept: WorkflowStore) -> None:
        done = [follow(store, firings=[firing(*times)]) for times in ((0, 5), (0, 6), (4, 7), (5, 8))]

        assert done == [True, False, False, True]
        assert kept.fired("shop", ["c1"]) == {("c1", "r1"): 8}

    def test_of_a_stale_firing_nothing_is_kept(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, firings=[firing(0, 5)])
        event = Event(conversation_id="c1", kind="rule_fired", time_ms=1, data=b"x")
        ticket, sent = make_ticket("T1"), make_delivery()
        stale = FollowUp(firings=[firing(0, 6)], tickets=[ticket], deliveries=[sent])
        done = store.commit([Change(tenant="shop", events=[event], follow_up=stale)])

        assert done == [False]
        assert store.events("shop", "c1", 0, 9) == []
        assert kept.ticket("shop", "T1") is None
        assert kept.deliveries("shop", None, (0, ""), 9) == []


class TestTickets:
    def test_a_ticket_is_found_as_it_was_kept(self, opener: Opener, store: Store) -> None:
        follow(store, tickets=[FULL])
        store.close()
        again = opener().workflow

        assert again.ticket("shop", "T1") == FULL
        assert again.ticket("shop", "T2") is None
        assert again.ticket("shop2", "T1") is None

    def test_a_number_is_given_once(self, store: Store, kept: WorkflowStore) -> None:
        done = [follow(store, tickets=[make_ticket("T1", title=title)]) for title in ("a", "b")]

        assert done == [True, False]
        assert [one.title for one in kept.tickets("shop", EVERYTHING, None, 9)] == ["a"]

    def test_a_change_follows_the_stored_version(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, tickets=[make_ticket("T1")])
        done = [
            follow(store, tickets=[make_ticket("T1", version=version, state=TicketState.SOLVED)])
            for version in (3, 2, 2)
        ]
        solved = kept.tickets("shop", TicketFilter(state=TicketState.SOLVED), None, 9)

        assert done == [False, True, False]
        assert [one.version for one in solved] == [2]
        assert kept.tickets("shop", TicketFilter(state=TicketState.OPEN), None, 9) == []

    def test_tickets_come_newest_first_in_pages(self, store: Store, kept: WorkflowStore) -> None:
        times = {"T1": 5, "T2": 7, "T3": 5, "T4": 1}
        follow(store, tickets=[make_ticket(one, opened_ms=at) for one, at in times.items()])
        first = kept.tickets("shop", EVERYTHING, None, 2)
        last = (first[-1].opened_ms, first[-1].ticket_id)

        assert [one.ticket_id for one in first] == ["T2", "T3"]
        assert [one.ticket_id for one in kept.tickets("shop", EVERYTHING, last, 9)] == ["T1", "T4"]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (TicketFilter(state=TicketState.OPEN), ["T2", "T1"]),
            (TicketFilter(assignee_id="ann"), ["T3", "T2"]),
            (TicketFilter(conversation_id="c1"), ["T2", "T1"]),
            (TicketFilter(overdue_ms=9), ["T2"]),
            (TicketFilter(assignee_id="ann", state=TicketState.CLOSED), ["T3"]),
            (TicketFilter(conversation_id="c9"), []),
        ],
    )
    def test_a_filter_takes_what_it_names(
        self, store: Store, kept: WorkflowStore, wanted: TicketFilter, found: list[str]
    ) -> None:
        one = make_ticket("T1", opened_ms=1, conversation_id="c1", due_ms=10)
        two = make_ticket("T2", opened_ms=2, conversation_id="c1", assignee_id="ann", due_ms=9)
        three = make_ticket("T3", opened_ms=3, assignee_id="ann", due_ms=9, state=TicketState.CLOSED)
        follow(store, tickets=[one, two, three])

        assert [ticket.ticket_id for ticket in kept.tickets("shop", wanted, None, 9)] == found

    def test_comments_come_in_order_in_pages(self, store: Store, kept: WorkflowStore) -> None:
        said = [
            Comment(ticket_id="T1", number=n, author="ann", text=f"第{n}", is_public=n == 2, time_ms=n)
            for n in (1, 2, 3)
        ]
        for one in said:
            follow(store, comments=[one])

        assert kept.comments("shop", "T1", 0, 2) == said[:2]
        assert kept.comments("shop", "T1", 2, 9) == said[2:]
        assert kept.comments("shop", "T2", 0, 9) == []

    def test_a_request_is_committed_once(self, store: Store, kept: WorkflowStore) -> None:
        asked = Receipt(request_id="q1", data='{"a":"值"}'.encode(), time_ms=5)
        done = [follow(store, tickets=[make_ticket(one)], receipt=asked) for one in ("T1", "T2")]

        assert done == [True, False]
        assert kept.answered("shop", "q1") == asked.data
        assert kept.answered("shop", "q2") is None
        assert kept.ticket("shop", "T2") is None


class TestOutbox:
    def test_what_is_due_is_claimed_once_until_its_time(self, store: Store, kept: WorkflowStore) -> None:
        late = make_delivery("late", due_ms=9)
        follow(store, deliveries=[make_delivery(), late])
        claims = [kept.claim_deliveries(now_ms, now_ms + 5, 9) for now_ms in (5, 6, 10)]

        assert [one.delivery_id for _, one in claims[0]] == ["d1"]
        assert claims[0][0][0] == "shop"
        assert claims[1] == []
        assert sorted(one.delivery_id for _, one in claims[2]) == ["d1", "late"]

    def test_no_more_are_claimed_than_asked_for(self, store: Store, kept: WorkflowStore) -> None:
        for tenant in ("shop", "shop2"):
            follow(store, tenant, deliveries=[make_delivery(one) for one in ("d1", "d2")])
        claims = [kept.claim_deliveries(5, 99, 3) for _ in range(3)]

        assert [len(claim) for claim in claims] == [3, 1, 0]

    def test_a_dead_delivery_is_not_claimed_and_is_listed(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, deliveries=[make_delivery("d1"), make_delivery("d2", created_ms=2)])
        dead = make_delivery("d1", state=DeliveryState.DEAD, attempts=9, error="refused")
        kept.put_delivery("shop", dead)

        assert [one.delivery_id for _, one in kept.claim_deliveries(5, 9, 9)] == ["d2"]
        assert kept.deliveries("shop", DeliveryState.DEAD, (0, ""), 9) == [dead]
        assert [one.delivery_id for one in kept.deliveries("shop", None, (1, "d1"), 9)] == ["d2"]

    def test_a_requeued_delivery_is_claimed_again(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, deliveries=[make_delivery(state=DeliveryState.DEAD)])
        before = kept.claim_deliveries(5, 9, 9)
        kept.put_delivery("shop", make_delivery())

        assert before == []
        assert kept.claim_deliveries(5, 9, 9) == [("shop", make_delivery())]

    def test_one_that_is_gone_is_not_put_back(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, deliveries=[make_delivery()])
        ((_, claimed),) = kept.claim_deliveries(5, 9, 9)
        kept.finish_delivery("shop", "d1")
        kept.put_delivery("shop", replace(claimed, attempts=1))

        assert kept.deliveries("shop", None, (0, ""), 9) == []
        assert kept.claim_deliveries(99, 100, 9) == []

    def test_what_arrived_is_forgotten(self, opener: Opener, store: Store, kept: WorkflowStore) -> None:
        follow(store, deliveries=[make_delivery("d1"), make_delivery("d2")])
        kept.finish_delivery("shop", "d1")
        kept.finish_delivery("shop", "d1")
        store.close()

        assert [one.delivery_id for _, one in opener().workflow.claim_deliveries(5, 9, 9)] == ["d2"]


class TestDropped:
    def test_a_dropped_ticket_is_nowhere(self, opener: Opener, store: Store, kept: WorkflowStore) -> None:
        said = Comment(ticket_id="T1", number=1, author="ann", text="x", is_public=False, time_ms=1)
        follow(store, tickets=[FULL, make_ticket("T2", conversation_id="c1")], comments=[said])
        dropped = follow(store, dropped=[FULL])
        again = follow(store, dropped=[FULL])
        listed = [
            [one.ticket_id for one in kept.tickets("shop", wanted, None, 9)]
            for wanted in (EVERYTHING, TicketFilter(state=FULL.state), TicketFilter(conversation_id="c1"))
        ]
        store.close()
        reopened = opener().workflow

        assert (dropped, again) == (True, False)
        assert listed == [["T2"], [], ["T2"]]
        assert reopened.ticket("shop", "T1") is None
        assert reopened.comments("shop", "T1", 0, 9) == []

    def test_one_that_changed_meanwhile_stays(self, store: Store, kept: WorkflowStore) -> None:
        before = make_ticket("T1")
        follow(store, tickets=[before])
        follow(store, tickets=[replace(before, title="new", version=2)])

        assert not follow(store, dropped=[before])
        assert kept.ticket("shop", "T1") is not None

    def test_its_number_may_be_given_again(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, tickets=[FULL])
        follow(store, dropped=[FULL])

        assert follow(store, tickets=[FULL])
        assert kept.comments("shop", "T1", 0, 9) == []


class TestReceipts:
    def test_all_come_page_by_page(self, store: Store) -> None:
        wanted = {f"r{number}": b'{"n":%d}' % number for number in range(7)}
        for request_id, data in wanted.items():
            follow(store, receipt=Receipt(request_id=request_id, data=data, time_ms=1))
        follow(store, "shop2", receipt=Receipt(request_id="other", data=b"{}", time_ms=1))
        found, place = (
            dict(store.archive.receipts("shop", "", 3)[0]),
            store.archive.receipts("shop", "", 3)[1],
        )
        while place:
            page, place = store.archive.receipts("shop", place, 3)
            found |= page

        assert found == wanted

    def test_one_is_put_in_place_of_another(self, store: Store, kept: WorkflowStore) -> None:
        follow(store, receipt=Receipt(request_id="r1", data=b'{"title":"mine"}', time_ms=1))
        store.archive.put_receipt("shop", "r1", b"{}")
        store.archive.put_receipt("shop", "r2", b"{}")

        assert kept.answered("shop", "r1") == b"{}"
        assert kept.answered("shop", "r2") is None


class TestDocuments:
    def test_a_deleted_document_is_gone(self, store: Store) -> None:
        store.assist.put_document("shop", "rule", "a", b"1")
        store.assist.put_document("shop", "rule", "b", b"2")
        done = [store.assist.delete_document("shop", "rule", "a") for _ in range(2)]

        assert done == [True, False]
        assert store.assist.documents("shop", "rule") == {"b": b"2"}
