"""The calls that Zammad gets are those its documentation describes; see `engine.workflow.zammad`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.http_caller import Caller
from engine.workflow.outbox import Delivery
from engine.workflow.payload import envelope, of_comment, of_ticket
from engine.workflow.sender import DeliveryError, Parcel
from engine.workflow.ticket import Comment, Ticket, TicketState
from engine.workflow.webhook import Format, Webhook
from engine.workflow.zammad import ZammadSender
from tests.engine.workflow.receiver import Receiver, Request, receiving
from tests.fakes import FieldValue

TICKET = Ticket(
    ticket_id="7K3M9Q2X",
    title="退货 A1",
    priority=8,
    tags=("return", "vip"),
    facts={"order_id": "A1"},
    conversation_id="c1",
    opened_ms=1_000,
    updated_ms=2_000,
)


class FakeZammad:
    """As the documentation has it: refuses what lacks a field that is required, or is not of its form."""

    def __init__(self) -> None:
        self.tickets: dict[int, dict[str, Any]] = {}
        self.articles: list[dict[str, Any]] = []

    def answer(self, request: Request) -> tuple[int, object]:
        if request.headers.get("authorization") != "Token token=secret-token":
            return 401, {"error": "Authentication required"}
        parts = urlsplit(request.path)
        way = (request.method, *parts.path.removeprefix("/api/v1/").split("/"))
        body = json.loads(request.body) if request.body else {}
        if way == ("GET", "tickets", "search"):
            return 200, self._search(parse_qs(parts.query))
        if way == ("POST", "tickets"):
            return self._create(body)
        if way[:2] == ("PUT", "tickets") and int(way[2]) in self.tickets:
            self.tickets[int(way[2])].update(body)
            return 200, self.tickets[int(way[2])]
        return self._article(way, body)

    def _search(self, wanted: dict[str, list[str]]) -> list[dict[str, Any]]:
        assert wanted["expand"] == ["true"]
        return [one for one in self.tickets.values() if wanted["query"][0] in one["title"]]

    def _article(self, way: tuple[str, ...], body: dict[str, Any]) -> tuple[int, object]:
        if way[:3] == ("GET", "ticket_articles", "by_ticket"):
            return 200, self.articles
        if way == ("POST", "ticket_articles"):
            self.articles.append(body)
            return 201, {"id": len(self.articles), **body}
        return 404, {"error": "No such route"}

    def _create(self, body: dict[str, Any]) -> tuple[int, object]:
        has_customer = "customer" in body or str(body.get("customer_id", "")).startswith("guess:")
        if not (body.get("title") and body.get("group") and has_customer and body["article"]["body"]):
            return 422, {"error": "Missing required attribute"}
        assert body["priority"] in ("1 low", "2 normal", "3 high")
        assert isinstance(body.get("tags", ""), str)
        number = 40 + len(self.tickets) + 1
        self.tickets[number] = {"id": number, "number": f"22{number}", **body}
        return 201, self.tickets[number]


@pytest.fixture
def zammad() -> FakeZammad:
    return FakeZammad()


@pytest.fixture
def receiver(zammad: FakeZammad) -> Iterator[Receiver]:
    with receiving() as one:
        one.answer = zammad.answer
        yield one


def parcel(receiver: Receiver, kind: str, data: Any, **fields: FieldValue) -> Parcel:  # noqa: ANN401
    webhook = Webhook(
        name="z", url=receiver.url, format=Format.ZAMMAD, token="secret-token", customer="shop", private=True
    )
    body = envelope(kind, "shop", 1, data)
    delivery = Delivery(delivery_id="d", webhook="z", kind=kind, body=body, created_ms=1, due_ms=1)
    return Parcel(webhook=webhook, delivery=delivery, now_ms=1, **fields)


async def send(one: Parcel) -> str:
    return await ZammadSender(Caller().send).send(one)


async def test_an_opened_ticket_is_made_with_what_zammad_requires(
    receiver: Receiver, zammad: FakeZammad
) -> None:
    number = await send(parcel(receiver, "ticket.opened", of_ticket(TICKET)))
    made = zammad.tickets[int(number)]

    assert made["title"] == "[7K3M9Q2X] 退货 A1"
    assert (made["group"], made["customer"], made["priority"]) == ("Users", "shop", "3 high")
    assert made["tags"] == "return,vip"
    assert made["article"]["body"] == "order_id: A1\nconversation: c1"
    assert (made["article"]["type"], made["article"]["internal"]) == ("note", True)


async def test_a_ticket_whose_answer_was_lost_is_not_made_twice(
    receiver: Receiver, zammad: FakeZammad
) -> None:
    numbers = [await send(parcel(receiver, "ticket.opened", of_ticket(TICKET))) for _ in range(2)]

    assert len(zammad.tickets) == 1
    assert numbers[0] == numbers[1]


async def test_a_known_address_is_who_the_ticket_is_from(receiver: Receiver, zammad: FakeZammad) -> None:
    known = {**of_ticket(TICKET), "facts": {"email": "an@example.com"}}
    number = await send(parcel(receiver, "ticket.opened", known))

    assert zammad.tickets[int(number)]["customer_id"] == "guess:an@example.com"


@pytest.mark.parametrize(
    ("state", "theirs"),
    [
        (TicketState.OPEN, "open"),
        (TicketState.PENDING, "pending reminder"),
        (TicketState.SOLVED, "closed"),
        (TicketState.CLOSED, "closed"),
    ],
)
async def test_a_change_goes_to_their_ticket(
    receiver: Receiver, zammad: FakeZammad, state: TicketState, theirs: str
) -> None:
    zammad.tickets[41] = {"id": 41, "title": "old"}
    data = {**of_ticket(TICKET), "state": state.value}
    await send(parcel(receiver, "ticket.changed", data, ticket=replace(TICKET, external_id="41")))

    assert zammad.tickets[41]["state"] == theirs
    assert ("pending_time" in zammad.tickets[41]) is (state is TicketState.PENDING)


async def test_a_comment_is_an_article_and_is_said_once(receiver: Receiver, zammad: FakeZammad) -> None:
    said = Comment(ticket_id="7K3M9Q2X", number=3, author="ann", text="好的", is_public=True, time_ms=1)
    for _ in range(2):
        await send(
            parcel(
                receiver,
                "ticket.commented",
                of_comment(TICKET, said),
                ticket=replace(TICKET, external_id="41"),
            )
        )
    (article,) = zammad.articles

    assert (article["ticket_id"], article["body"], article["internal"]) == (41, "好的", False)
    assert (article["content_type"], article["type"]) == ("text/plain", "note")


async def test_a_change_of_a_ticket_that_is_not_there_yet_waits(receiver: Receiver) -> None:
    with pytest.raises(DeliveryError, match="has not got the ticket yet") as found:
        await send(parcel(receiver, "ticket.changed", of_ticket(TICKET)))

    assert not found.value.is_final
    assert receiver.requests == []


async def test_a_wrong_token_is_tried_again_for_somebody_may_mend_it(receiver: Receiver) -> None:
    one = parcel(receiver, "ticket.opened", of_ticket(TICKET))
    wrong = Webhook(name="z", url=receiver.url, format=Format.ZAMMAD, token="x", customer="s", private=True)
    with pytest.raises(DeliveryError, match="answered 401") as found:
        await send(Parcel(webhook=wrong, delivery=one.delivery, now_ms=1))

    assert not found.value.is_final


@pytest.mark.parametrize("said", [{"id": 1}, [{"no": "title"}], "text", None])
async def test_an_answer_that_is_none_of_zammads_is_said_to_be_so(receiver: Receiver, said: object) -> None:
    receiver.answer = lambda _: (200, said)

    with pytest.raises(DeliveryError, match="Zammad"):
        await send(parcel(receiver, "ticket.opened", of_ticket(TICKET)))


async def test_what_is_no_ticket_is_not_for_zammad(receiver: Receiver) -> None:
    with pytest.raises(DeliveryError, match="takes tickets") as found:
        await send(parcel(receiver, "rule.fired", {}))

    assert found.value.is_final
