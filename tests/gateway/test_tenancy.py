"""Walls between tenants, over every public method that the descriptors name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from yingda import Client, YingdaError
from yingda.bot_client import BotClient
from yingda.v1 import (
    agent_pb2,
    assist_service_pb2,
    bot_service_pb2,
    message_service_pb2,
    reply_pb2,
    rule_pb2,
    ticket_pb2,
)

from gateway.bootstrap import bootstrap
from gateway.servicers.forward import SERVICES
from gateway.settings import GatewaySettings
from tests.fakes import make_message
from tests.gateway.refusal import Refusal, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

Option = Any  # of a call, as gRPC takes it
METHODS = [method for service in SERVICES for method in service.methods]
OBJECT_IDS = ("agent_id", "conversation_id", "reply_id", "bot_id", "rule_id", "ticket_id")
MORE: dict[str, dict[str, object]] = {  # what a request needs beside its object
    "SendReply": {"request_id": "q1", "text": "hi"},
    "LabelMessage": {"message_id": "m1", "intent": "shipping.when", "request_id": "q1"},
    "DeleteTicket": {"request_id": "q1"},
}
SPECIAL = ("ListTickets", "CommentTicket")  # an id that is but a filter; a request that says more
OF_ONE_OBJECT = [
    method
    for method in METHODS
    if any(name in method.input_type.fields_by_name for name in OBJECT_IDS)
    and not method.client_streaming
    and method.name not in SPECIAL
]
OF_THE_ENGINE = ("ListBundles",)  # bundles read for all tenants
LISTS = [
    method
    for method in METHODS
    if method.name.startswith("List")
    and "page_size" in method.input_type.fields_by_name
    and method not in OF_ONE_OBJECT
    and method.name not in OF_THE_ENGINE
]
SEND = "/yingda.v1.MessageService/SendMessage"
STREAM = "/yingda.v1.MessageService/StreamMessages"
OURS, THEIRS = "token-of-our-shop-1", "token-of-their-shop"


def by_name(methods: list[MethodDescriptor]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("method", methods, ids=[method.name for method in methods])


def make(method: MethodDescriptor, tenant: str, **fields: object) -> Message:
    """A request for this tenant with those of the fields that it has."""
    request = message_factory.GetMessageClass(method.input_type)()
    for name, value in {"tenant": tenant, **fields}.items():
        if name in method.input_type.fields_by_name:
            setattr(request, name, value)
    return request


async def call(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes, **options: Option
) -> Message:
    path = f"/{method.containing_service.full_name}/{method.name}"
    answer = message_factory.GetMessageClass(method.output_type)()
    stub: Any = channel.unary_stream(path) if method.server_streaming else channel.unary_unary(path)
    answering = stub(request, **options)
    answer.ParseFromString(await (answering.read() if method.server_streaming else answering))
    return answer


async def refused(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: Message, **options: Option
) -> Refusal:
    return await refusal(call(channel, method, request.SerializeToString(), **options))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(engine_address: str) -> AsyncIterator[str]:
    """A gateway where callers prove who they are: tokens of the tenants "ours" and "theirs"."""
    settings = GatewaySettings(
        listen="127.0.0.1:0", engine=engine_address, tokens={OURS: "ours", THEIRS: "theirs"}, grace=1
    )
    async with bootstrap(settings) as gateway:
        yield gateway.address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded_channel(guarded: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(guarded) as opened:
        yield opened


def bearer(text: str) -> dict[str, object]:
    return {"metadata": (("authorization", text),)}


@by_name(METHODS)
async def test_a_request_without_a_tenant_is_refused(
    channel: grpc.aio.Channel, method: MethodDescriptor
) -> None:
    found = await refused(channel, method, make(method, ""))

    assert (found.code, found.field) == (grpc.StatusCode.INVALID_ARGUMENT, "tenant")


@by_name(METHODS)
@pytest.mark.parametrize("tenant", ["nobody", "T1", "t1 ", "t1\x00", "'; --", "x" * 100_000, "款" * 5_000])
async def test_an_unknown_tenant_is_not_found(
    channel: grpc.aio.Channel, method: MethodDescriptor, tenant: str
) -> None:
    found = await refused(channel, method, make(method, tenant))

    assert (found.code, found.field) == (grpc.StatusCode.NOT_FOUND, "tenant")


@by_name(METHODS)
async def test_a_request_that_is_no_utf_8_is_refused(
    channel: grpc.aio.Channel, method: MethodDescriptor
) -> None:
    found = await refusal(call(channel, method, b"\x0a\x02\xff\xfe"))

    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.text == f"the request is no valid {method.input_type.full_name}; texts must be UTF-8"


@by_name(METHODS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        bearer(""),
        bearer("Bearer "),
        bearer("Bearer wrong-token-of-nobody"),
        bearer(OURS),
        bearer(f"Basic {OURS}"),
        bearer(f"Bearer {OURS}x"),
        bearer(f"Bearer {OURS[:-1]}"),
    ],
    ids=["none", "empty", "no token", "wrong", "bare", "basic", "longer", "shorter"],
)
async def test_without_a_known_token_nobody_is_served(
    guarded_channel: grpc.aio.Channel, method: MethodDescriptor, options: dict[str, object]
) -> None:
    found = await refused(guarded_channel, method, make(method, "ours"), **options)

    assert found.code is grpc.StatusCode.UNAUTHENTICATED
    assert found.text == "send the metadata 'authorization: Bearer TOKEN' with a known token"


@by_name(METHODS)
async def test_a_token_opens_no_other_tenant(
    guarded_channel: grpc.aio.Channel, method: MethodDescriptor
) -> None:
    theirs = await refused(guarded_channel, method, make(method, "theirs"), **bearer(f"Bearer {OURS}"))
    nobodys = await refused(guarded_channel, method, make(method, "nobody"), **bearer(f"Bearer {OURS}"))

    assert theirs.code is nobodys.code is grpc.StatusCode.NOT_FOUND
    assert theirs.text.replace("theirs", "nobody") == nobodys.text


@pytest.mark.parametrize("token", [f"Bearer {OURS}", f"bearer {OURS}", f"BEARER {OURS}"])
async def test_the_right_token_opens_its_tenant(guarded_channel: grpc.aio.Channel, token: str) -> None:
    listing = next(method for method in METHODS if method.name == "ListAgents")

    await call(guarded_channel, listing, make(listing, "ours").SerializeToString(), **bearer(token))


async def test_a_client_with_a_token_is_served(guarded: str) -> None:
    async with Client(guarded, tenant="ours", token=OURS) as client:
        assert (await client.send("hello", customer_id="cu1")).conversation_id


async def test_a_client_without_a_token_is_refused(guarded: str) -> None:
    async with Client(guarded, tenant="ours") as client:
        with pytest.raises(YingdaError, match="UNAUTHENTICATED"):
            await client.send("hello", customer_id="cu1")
        with pytest.raises(YingdaError, match="UNAUTHENTICATED"):
            [results async for results in client.stream([[client.message("hello", customer_id="cu1")]])]


async def test_a_message_of_another_tenant_is_refused_alone(guarded: str) -> None:
    frame = [make_message(tenant=tenant) for tenant in ("ours", "theirs", "ours")]
    async with Client(guarded, tenant="ours", token=OURS) as client:
        (results,) = [one async for one in client.stream([frame])]

    assert [one.error.code for one in results] == [0, grpc.StatusCode.NOT_FOUND.value[0], 0]


async def test_a_single_message_of_another_tenant_is_refused(guarded_channel: grpc.aio.Channel) -> None:
    request = message_service_pb2.SendMessageRequest(message=make_message(tenant="theirs"))
    stub: Any = guarded_channel.unary_unary(SEND)
    found = await refusal(stub(request.SerializeToString(), **bearer(f"Bearer {OURS}")))

    assert (found.code, found.field) == (grpc.StatusCode.NOT_FOUND, "tenant")


async def give_everything(client: BotClient) -> dict[str, str]:
    """An agent, a conversation, a reply and feedback on it, a bot, a rule, a ticket that is told of; their ids."""
    await client.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 1}, capacity=1))
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    await client.send("hello", conversation_id="c1", message_id="m1")
    await client.put_reply(reply_pb2.Reply(reply_id="own", language="en", text="hi"))
    await client.record_feedback(feedback())
    await begin_bot(client)
    tagging = rule_pb2.RuleAction(add_tags=rule_pb2.AddTagsAction(tags=["own"]))
    await client.put_rule(rule_pb2.Rule(rule_id="own", then=[tagging]))
    ticket = await client.open_ticket(ticket_pb2.Ticket(title="own", conversation_id="c1"))
    of_assist = {"agent_id": "ann", "conversation_id": "c1", "reply_id": "own", "bot_id": "helper"}
    return {**of_assist, "rule_id": "own", "ticket_id": ticket.ticket_id}


async def begin_bot(client: BotClient) -> None:
    """One that was there once, at the journal's beginning."""
    first = client.message("").tenant

    async def requests() -> AsyncIterator[bot_service_pb2.ReceiveEventsRequest]:
        yield bot_service_pb2.ReceiveEventsRequest(tenant=first, bot_id="helper", from_start=True)
        await asyncio.Event().wait()  # which ends with the call

    async with aclosing(client.receive_events(requests())) as pages:
        await anext(pages)


def feedback() -> assist_service_pb2.RecordFeedbackRequest:
    return assist_service_pb2.RecordFeedbackRequest(
        conversation_id="c1",
        shown_reply_ids=["own"],
        reply_id="own",
        outcome=assist_service_pb2.FEEDBACK_OUTCOME_ACCEPTED,
    )


async def test_feedback_on_what_another_tenant_has_is_not_found(
    client: BotClient, other_client: Client
) -> None:
    await give_everything(client)

    with pytest.raises(YingdaError, match=r"NOT_FOUND: tenant .* has no reply own"):
        await other_client.record_feedback(feedback())
    await client.record_feedback(feedback())


@by_name([method for method in OF_ONE_OBJECT if method.name != "RecordFeedback"])
async def test_what_another_tenant_has_is_not_found(
    channel: grpc.aio.Channel, client: BotClient, tenant: str, other_tenant: str, method: MethodDescriptor
) -> None:
    fields = {**await give_everything(client), "presence": agent_pb2.PRESENCE_ONLINE}
    fields |= MORE.get(method.name, {})
    found = await refused(channel, method, make(method, other_tenant, **fields))

    assert found.code is grpc.StatusCode.NOT_FOUND
    assert f"tenant {other_tenant} has no" in found.text
    if method.name == "CompleteConversation":  # which wants it closed
        await client.close_conversation("c1")
    if method.name == "WatchAgent":  # which shows what the agent holds
        await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    await call(channel, method, make(method, tenant, **fields).SerializeToString())


@by_name(LISTS)
async def test_a_list_shows_nothing_of_another_tenant(
    channel: grpc.aio.Channel, client: BotClient, tenant: str, other_tenant: str, method: MethodDescriptor
) -> None:
    await give_everything(client)
    lists = [
        str(await call(channel, method, make(method, one, page_size=1000).SerializeToString()))
        for one in (tenant, other_tenant)
    ]

    shown = [any(f'"{one}"' in text for one in ("ann", "c1", "own", "helper")) for text in lists]
    assert shown == [True, False]


async def test_one_tenants_agents_are_not_given_anothers_customers(
    client: Client, other_client: Client
) -> None:
    await client.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 1}, capacity=9))
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    answer = await other_client.send("hello", customer_id="cu1")

    assert answer.assignment.agent_id == ""
    assert (await other_client.explain("hello")).candidates == []


async def test_the_same_message_of_two_tenants_is_two_messages(client: Client, other_client: Client) -> None:
    for one in (client, other_client):
        answer = await one.send("hello", message_id="m1", customer_id="cu1")
        assert not answer.duplicate
