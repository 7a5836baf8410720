from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from engine.decision_thread import DecisionThread
from engine.domain import Change
from engine.http_call import Call
from engine.http_caller import Caller
from engine.stores.sqlite import SQLiteStore
from engine.workflow.courier import MAX_ATTEMPTS, Courier, Runner, pause_before
from engine.workflow.outbox import Delivery, DeliveryState, FollowUp
from engine.workflow.rule_desk import RuleDesk
from engine.workflow.sender import StandardSender
from engine.workflow.ticket import Ticket
from engine.workflow.webhook import Format, Webhook, Webhooks
from engine.workflow.zammad import ZammadSender
from tests.engine.workflow.receiver import Receiver, receiving
from tests.fakes import TENANT, Desk, FakeClock, Workday, make_desk

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


class Post:
    """An engine's inside with a courier, and one webhook that listens at the receiver."""

    def __init__(
        self, store: SQLiteStore, receiver: Receiver, thread: DecisionThread, caller: Caller
    ) -> None:
        self.webhook = Webhook(
            name="crm", url=f"{receiver.url}/hook", secret=SECRET, private=True, events=("ticket.opened",)
        )
        self.desk: Desk = make_desk(store, workday=Workday(webhooks=[self.webhook]))
        self.clock: FakeClock = self.desk.clock
        self.store = store.workflow
        self.courier = Courier(
            store=store.workflow,
            desk=self.desk.workflow.desk,
            webhooks=Webhooks([self.webhook]),
            senders={
                Format.STANDARD: StandardSender(caller.send),
                Format.ZAMMAD: ZammadSender(caller.send),
            },
            runner=Runner(thread=thread, chance=random.Random(7)),
            clock=self.clock,
        )

    def open(self, request_id: str = "q1") -> Ticket:
        return self.desk.workflow.desk.open(TENANT, request_id, Ticket(ticket_id="", title="退货"))

    def left(self) -> list[Delivery]:
        return self.store.deliveries(TENANT, None, (0, ""), 99)

    async def step_when_due(self) -> int:
        """Let time pass until what waits is due, and try it."""
        for one in self.left():
            self.clock.advance(max(one.due_ms - self.clock.now_ms(), 0))
        return await self.courier.step()


@pytest.fixture
async def post(embedded: SQLiteStore, receiver: Receiver) -> AsyncIterator[Post]:
    with closing(Caller()) as caller, closing(DecisionThread()) as thread:
        yield Post(embedded, receiver, thread, caller)


async def test_what_is_sent_is_signed_so_that_the_receiver_can_check_it(
    post: Post, receiver: Receiver
) -> None:
    ticket = post.open()
    await post.courier.step()
    (request,) = receiver.requests
    stamp = request.headers["webhook-timestamp"]
    signed = f"{request.headers['webhook-id']}.{stamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()

    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert int(stamp) == post.clock.now_ms() // 1000
    assert json.loads(request.body)["data"]["ticket_id"] == ticket.ticket_id
    assert post.left() == []


async def test_what_failed_comes_again_later_under_the_same_id(post: Post, receiver: Receiver) -> None:
    receiver.answers = [500, 302, 200]
    post.open()
    await post.courier.step()
    (failed,) = post.left()
    tried = [await post.courier.step(), await post.step_when_due(), await post.step_when_due()]

    assert (failed.attempts, failed.error) == (1, "answered 500")
    assert failed.due_ms <= post.clock.now_ms() + pause_before(1) * 1000
    assert tried == [0, 1, 1]
    assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1
    assert post.left() == []


async def test_what_never_arrives_is_dead_and_can_be_requeued(post: Post, receiver: Receiver) -> None:
    receiver.answers = [503] * MAX_ATTEMPTS
    post.open()
    for _ in range(MAX_ATTEMPTS):
        await post.step_when_due()
    (dead,) = post.left()
    idle = await post.step_when_due()
    post.store.put_delivery(TENANT, replace(dead, state=DeliveryState.PENDING, attempts=0))
    await post.step_when_due()

    assert (dead.state, dead.attempts, idle) == (DeliveryState.DEAD, MAX_ATTEMPTS, 0)
    assert post.left() == []
    assert len(receiver.requests) == MAX_ATTEMPTS + 1


async def test_what_is_gone_for_good_is_dead_at_once(post: Post, receiver: Receiver) -> None:
    receiver.answers = [410]
    post.open()
    await post.courier.step()

    assert [one.state for one in post.left()] == [DeliveryState.DEAD]


async def test_a_receiver_may_ask_for_a_pause(post: Post, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": "90"}
    post.open()
    await post.courier.step()

    assert post.left()[0].due_ms == post.clock.now_ms() + 90_000


async def test_a_receiver_that_says_nothing_is_given_up(post: Post, receiver: Receiver) -> None:
    receiver.delay = 2.0
    slow = replace(post.webhook, timeout=0.1)
    with pytest.raises(Exception, match="did not answer"):
        await Caller().send(
            Call(method="POST", url=slow.url, headers={}, body=b"x", timeout=0.1, private=True)
        )


async def test_two_couriers_on_one_store_send_once(post: Post, receiver: Receiver) -> None:
    for number in range(20):
        post.open(f"q{number}")
    carried = 0
    while carried < 20:
        carried += sum(await asyncio.gather(post.courier.step(), post.courier.step()))

    assert len(receiver.requests) == 20
    assert post.left() == []


async def test_what_was_on_its_way_when_an_engine_died_is_sent_again(post: Post, receiver: Receiver) -> None:
    post.open()
    post.store.claim_deliveries(post.clock.now_ms(), post.clock.now_ms() + 60_000, 9)
    before = await post.courier.step()
    post.clock.advance(60_000)

    assert (before, await post.courier.step()) == (0, 1)
    assert len(receiver.requests) == 1


async def test_a_webhook_that_is_no_longer_configured_keeps_what_it_was_to_get(post: Post) -> None:
    lost = Delivery(delivery_id="d", webhook="old", kind="rule.fired", body=b"{}", created_ms=1, due_ms=1)
    post.desk.store.commit([Change(tenant=TENANT, follow_up=FollowUp(deliveries=[lost]))])
    await post.courier.step()

    assert [(one.state, one.error) for one in post.left()] == [
        (DeliveryState.DEAD, "is not configured; requeue it when it is")
    ]


def test_pauses_grow_and_end() -> None:
    pauses = [pause_before(attempt) for attempt in range(1, 14)]

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (4.0, 3600.0)


def test_a_desk_requeues_only_what_is_dead(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded)
    fields = {"webhook": "crm", "kind": "k", "body": b"{}", "created_ms": 1, "due_ms": 1}
    dead = [
        Delivery(delivery_id=one, state=DeliveryState.DEAD, **fields)  # type: ignore[arg-type]
        for one in ("d1", "d2")
    ]
    pending = Delivery(delivery_id="d3", **fields)  # type: ignore[arg-type]
    embedded.commit([Change(tenant=TENANT, follow_up=FollowUp(deliveries=[*dead, pending]))])
    rules = RuleDesk(
        rulebooks=desk.workflow.rulebooks,
        store=embedded,
        codec=None,  # type: ignore[arg-type]  # requeueing reads no rule
        clock=desk.clock,
        context=None,  # type: ignore[arg-type]
    )

    assert [rules.requeue(TENANT, ["d1", "d3"]), rules.requeue(TENANT, []), rules.requeue(TENANT, [])] == [
        1,
        1,
        0,
    ]


async def test_of_a_ticket_that_was_deleted_zammad_is_told_nothing(post: Post, receiver: Receiver) -> None:
    zammad = replace(
        post.webhook, format=Format.ZAMMAD, token="t", customer="shop@example.com", name="crm", secret=""
    )
    post.courier._webhooks = Webhooks([zammad])
    ticket = post.open()
    post.desk.workflow.desk.delete(TENANT, "d1", ticket.ticket_id, "ann", "")
    await post.courier.step()

    assert post.left() == []
    assert receiver.requests == []


def test_a_ticket_that_is_deleted_is_told_without_its_words(embedded: SQLiteStore) -> None:
    listening = Webhook(name="crm", url="https://crm.example", events=("ticket.deleted",))
    desk = make_desk(embedded, workday=Workday(webhooks=[listening]))
    ticket = desk.workflow.desk.open(TENANT, "r1", Ticket(ticket_id="", title="secret", customer_id="cu1"))
    desk.workflow.desk.delete(TENANT, "d1", ticket.ticket_id, "ann", "by mistake")
    (told,) = embedded.workflow.deliveries(TENANT, None, (0, ""), 9)

    data = json.loads(told.body)["data"]
    assert (told.kind, data["ticket_id"], data["reason"]) == (
        "ticket.deleted",
        ticket.ticket_id,
        "by mistake",
    )
    assert b"secret" not in told.body
