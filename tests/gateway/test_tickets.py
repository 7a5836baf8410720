from __future__ import annotations

import asyncio

import pytest
from yingda import Client, YingdaError
from yingda.v1 import ticket_pb2
from yingda.v1.rule_service_pb2 import DELIVERY_STATE_PENDING
from yingda.v1.ticket_pb2 import Ticket, TicketComment
from yingda.v1.ticket_service_pb2 import ListTicketsRequest

from tests.fakes import FieldValue

pytestmark = pytest.mark.asyncio(loop_scope="session")


def make(**fields: FieldValue) -> Ticket:
    whole: dict[str, FieldValue] = {"title": "call back"}
    return Ticket(**(whole | fields))


async def test_a_ticket_gets_a_number_and_is_found_by_it(client: Client) -> None:
    opened = await client.open_ticket(make(priority=5, tags=["a"], facts={"order_id": "A1"}))

    assert len(opened.ticket_id) == 8
    assert (opened.state, opened.version) == (ticket_pb2.TICKET_STATE_OPEN, 1)
    assert await client.ticket(opened.ticket_id) == opened


async def test_the_same_request_opens_one_ticket(client: Client) -> None:
    tickets = [await client.open_ticket(make(), request_id="q1") for _ in range(2)]
    at_once = await asyncio.gather(*(client.open_ticket(make(), request_id="q2") for _ in range(8)))

    assert tickets[0] == tickets[1]
    assert len({one.ticket_id for one in at_once}) == 1
    assert len(await client.tickets()) == 2


async def test_a_ticket_goes_through_its_states_until_it_is_closed(client: Client) -> None:
    ticket = await client.open_ticket(make())
    for state in (
        ticket_pb2.TICKET_STATE_PENDING,
        ticket_pb2.TICKET_STATE_SOLVED,
        ticket_pb2.TICKET_STATE_CLOSED,
    ):
        ticket.state = state
        ticket = await client.update_ticket(ticket)
    ticket.state = ticket_pb2.TICKET_STATE_OPEN

    assert ticket.version == 4
    with pytest.raises(YingdaError, match=r"FAILED_PRECONDITION: .* is closed for good"):
        await client.update_ticket(ticket)


async def test_a_change_of_what_changed_meanwhile_is_refused(client: Client) -> None:
    ticket = await client.open_ticket(make())
    await client.update_ticket(make(ticket_id=ticket.ticket_id, title="other"))

    with pytest.raises(YingdaError, match=r"ABORTED: .* is at version 2, not 1"):
        await client.update_ticket(ticket)


async def test_a_change_that_comes_again_is_made_once(client: Client) -> None:
    ticket = await client.open_ticket(make())
    ticket.title = "new"
    changed = [await client.update_ticket(ticket, request_id="q1") for _ in range(2)]

    assert changed[0] == changed[1]
    assert (await client.ticket(ticket.ticket_id)).version == 2


async def test_what_is_output_only_or_kept_as_first_put_does_not_change(client: Client) -> None:
    ticket = await client.open_ticket(make(customer_id="cu1"))
    put = make(ticket_id=ticket.ticket_id, customer_id="cu9", external_id="x", rule_id="x", comments=9)
    changed = await client.update_ticket(put)

    assert (changed.customer_id, changed.external_id, changed.rule_id, changed.comments) == ("cu1", "", "", 0)


async def test_comments_are_numbered_and_counted(client: Client) -> None:
    ticket = await client.open_ticket(make())
    for number in range(3):
        await client.comment_ticket(ticket.ticket_id, TicketComment(text=f"t{number}", author="ann"))
    again = [
        await client.comment_ticket(ticket.ticket_id, TicketComment(text="x"), request_id="q")
        for _ in range(2)
    ]
    said = await client.ticket_comments(ticket.ticket_id)

    assert [(one.number, one.text) for one in said] == [(1, "t0"), (2, "t1"), (3, "t2"), (4, "x")]
    assert again[0] == again[1]
    assert (await client.ticket(ticket.ticket_id)).comments == 4


async def test_tickets_are_listed_in_pages_the_newest_first(client: Client) -> None:
    opened = [(await client.open_ticket(make(title=str(number)))).ticket_id for number in range(5)]
    found: list[str] = []
    request = ListTicketsRequest()
    page = await client.tickets(request, limit=2)
    found += [one.ticket_id for one in page]
    everything = await client.tickets(limit=9)

    assert set(found) <= set(opened)
    assert sorted(one.ticket_id for one in everything) == sorted(opened)
    assert [one.ticket_id for one in everything][:2] == found


async def test_only_what_is_overdue_is_listed_as_such(client: Client) -> None:
    late, later, done = make(title="late"), make(title="later"), make(title="done")
    for one, seconds in ((late, 1), (later, 4_000_000_000), (done, 1)):
        one.due_time.FromSeconds(seconds)
    done.state = ticket_pb2.TICKET_STATE_SOLVED
    for one in (late, later, done):
        await client.open_ticket(one)

    assert [one.title for one in await client.tickets(ListTicketsRequest(overdue=True))] == ["late"]


async def test_a_ticket_of_a_conversation_is_in_its_journal(client: Client) -> None:
    answer = await client.send("hello", customer_id="cu1")
    ticket = await client.open_ticket(make(conversation_id=answer.conversation_id))
    await client.comment_ticket(ticket.ticket_id, TicketComment(text="x"))
    kinds = [one.WhichOneof("kind") for one in await client.events(answer.conversation_id)]

    assert kinds[-2:] == ["ticket_opened", "ticket_commented"]
    assert [
        one.ticket_id
        for one in await client.tickets(ListTicketsRequest(conversation_id=answer.conversation_id))
    ]


async def test_a_ticket_is_deleted_and_the_journal_says_by_whom_and_why(client: Client) -> None:
    answer = await client.send("hello", customer_id="cu1")
    ticket = await client.open_ticket(make(conversation_id=answer.conversation_id))
    await client.comment_ticket(ticket.ticket_id, TicketComment(text="x"))
    await client.delete_ticket(ticket.ticket_id, agent_id="mei", reason="by mistake")
    said = (await client.events(answer.conversation_id))[-1].ticket_deleted

    assert (said.ticket_id, said.agent_id, said.note) == (ticket.ticket_id, "mei", "by mistake")
    assert await client.tickets(ListTicketsRequest(conversation_id=answer.conversation_id)) == []
    for call in (client.ticket, client.ticket_comments, client.delete_ticket):
        with pytest.raises(YingdaError, match="NOT_FOUND"):
            await call(ticket.ticket_id)


async def test_a_ticket_is_deleted_once(client: Client) -> None:
    first, other = await client.open_ticket(make()), await client.open_ticket(make(title="other"))
    for _ in range(2):
        await client.delete_ticket(first.ticket_id, request_id="d1")

    assert [one.ticket_id for one in await client.tickets()] == [other.ticket_id]


async def test_a_ticket_of_a_conversation_that_never_was_is_refused(client: Client) -> None:
    with pytest.raises(YingdaError, match=r"NOT_FOUND: .* has no conversation nope"):
        await client.open_ticket(make(conversation_id="nope"))


async def test_what_cannot_be_delivered_is_listed_with_the_reason(client: Client) -> None:
    await client.open_ticket(make())
    for _ in range(200):
        (delivery,) = await client.deliveries(DELIVERY_STATE_PENDING)
        if delivery.attempts:
            break
        await asyncio.sleep(0.05)

    assert (delivery.webhook, delivery.kind) == ("own", "ticket.opened")
    assert "did not answer" in delivery.error
    assert await client.requeue_deliveries([delivery.delivery_id]) == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": ""}, "ticket.title: is required"),
        ({"priority": 11}, "ticket.priority: is 11, must be 0 to 10"),
        ({"tags": ["x" * 65]}, r"ticket.tags\[0\]: is 65 bytes long"),
        ({"state": 9}, "ticket.state: must be one of open, pending"),
    ],
)
async def test_a_bad_ticket_is_refused_with_its_key(
    client: Client, fields: dict[str, FieldValue], problem: str
) -> None:
    with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: {problem}"):
        await client.open_ticket(make(**fields))


async def test_another_tenant_cannot_comment(client: Client, other_client: Client) -> None:
    ticket = await client.open_ticket(make())

    with pytest.raises(YingdaError, match="NOT_FOUND"):
        await other_client.comment_ticket(ticket.ticket_id, TicketComment(text="x"))
