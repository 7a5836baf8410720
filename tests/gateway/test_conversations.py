from __future__ import annotations

from typing import TypeAlias

import grpc
import pytest
from yingda import Client, YingdaError
from yingda.v1 import (
    agent_pb2,
    assignment_pb2,
    conversation_pb2,
    conversation_service_pb2,
    conversation_service_pb2_grpc,
    message_pb2,
)

from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

pb = conversation_service_pb2
Stub: TypeAlias = "conversation_service_pb2_grpc.ConversationServiceAsyncStub"
WAITING = conversation_pb2.CONVERSATION_STATE_WAITING
ASSIGNED = conversation_pb2.CONVERSATION_STATE_ASSIGNED
CLOSED = conversation_pb2.CONVERSATION_STATE_CLOSED
INVALID = grpc.StatusCode.INVALID_ARGUMENT
BAD_TOKENS = ["x", "-1", "1", "1:", ":c1", "1.5:c1", "9" * 30 + ":c1", "9" * 5000 + ":c1"]


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Stub:
    return conversation_service_pb2_grpc.ConversationServiceStub(channel)


async def hire(client: Client, capacity: int = 1) -> None:
    skills = {"logistics": 3, "finance": 3, "general": 3}
    await client.put_agent(agent_pb2.Agent(agent_id="ann", skills=skills, capacity=capacity))
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)


async def test_a_waiting_conversation_is_described(client: Client) -> None:
    answer = await client.send(
        "where is my parcel", customer_id="cu1", channel=message_pb2.CHANNEL_WECHAT, conversation_id="c1"
    )
    found = await client.conversation("c1")

    assert (found.conversation_id, found.customer_id) == ("c1", "cu1")
    assert (found.channel, found.state) == (message_pb2.CHANNEL_WECHAT, WAITING)
    assert (found.agent_id, found.skill, found.language) == ("", answer.assignment.skill, "en")
    assert found.create_time.seconds > 1_700_000_000
    assert found.queue_time == found.create_time


async def test_an_assigned_conversation_names_its_agent_and_does_not_wait(client: Client) -> None:
    await hire(client)
    await client.send("hello", conversation_id="c1")
    found = await client.conversation("c1")

    assert (found.state, found.agent_id) == (ASSIGNED, "ann")
    assert not found.HasField("queue_time")


async def test_closing_gives_the_place_to_who_waits_longest(client: Client) -> None:
    await hire(client)
    for name in ("held", "first", "second"):
        await client.send("hello", conversation_id=name)
    closed = await client.close_conversation("held")

    assert (closed.state, closed.agent_id) == (CLOSED, "")
    assert (await client.conversation("first")).agent_id == "ann"
    assert (await client.conversation("second")).state == WAITING
    assert (await client.get_agent("ann")).load == 1


async def test_the_journal_tells_what_happened(client: Client) -> None:
    await hire(client)
    await client.send("hello", conversation_id="held")
    await client.send("refund please", conversation_id="next")
    await client.close_conversation("held")
    held, following = await client.events("held"), await client.events("next")

    assert [one.WhichOneof("kind") for one in held] == ["message_received", "conversation_closed"]
    assert held[1].conversation_closed.agent_id == "ann"
    assert [one.WhichOneof("kind") for one in following] == ["message_received", "conversation_assigned"]
    assignment = following[1].conversation_assigned.assignment
    assert (assignment.outcome, assignment.agent_id) == (assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED, "ann")
    assert all(one.conversation_id == "next" and one.create_time.seconds for one in following)


async def test_closing_twice_changes_nothing(client: Client) -> None:
    await client.send("hello", conversation_id="c1")
    first = await client.close_conversation("c1")

    assert await client.close_conversation("c1") == first
    assert len(await client.events("c1")) == 2


async def test_conversations_come_newest_first_in_pages(client: Client, stub: Stub, tenant: str) -> None:
    for number in range(5):
        await client.send("hello", conversation_id=f"c{number}:x")
    request = pb.ListConversationsRequest(tenant=tenant, page_size=2)
    pages: list[list[str]] = []
    while not pages or (request.page_token and len(pages) < 9):
        page = await stub.ListConversations(request)
        pages.append([one.conversation_id for one in page.conversations])
        request.page_token = page.next_page_token

    assert pages == [["c4:x", "c3:x"], ["c2:x", "c1:x"], ["c0:x"]]


async def test_conversations_are_listed_by_state(client: Client) -> None:
    await hire(client, capacity=2)
    for name in ("closed", "assigned", "waiting", "waiting 2"):
        await client.send("hello", conversation_id=name)
    await client.close_conversation("closed")

    listed = {
        state: {one.conversation_id for one in await client.conversations(state)}
        for state in (WAITING, ASSIGNED, CLOSED)
    }
    assert listed == {WAITING: {"waiting 2"}, ASSIGNED: {"assigned", "waiting"}, CLOSED: {"closed"}}


async def test_a_state_that_is_none_is_refused(stub: Stub, tenant: str) -> None:
    request = pb.ListConversationsRequest(tenant=tenant, state=99)  # type: ignore[arg-type]
    refused = await refusal(stub.ListConversations(request))

    assert (refused.code, refused.field) == (INVALID, "state")


@pytest.mark.parametrize("token", BAD_TOKENS)
async def test_a_token_that_no_page_of_conversations_gave_is_refused(
    stub: Stub, tenant: str, token: str
) -> None:
    request = pb.ListConversationsRequest(tenant=tenant, page_token=token)
    refused = await refusal(stub.ListConversations(request))

    assert (refused.code, refused.field) == (INVALID, "page_token")


@pytest.mark.parametrize("token", ["x", "-1", "1:c1", "9" * 30, "9" * 5000])
async def test_a_token_that_no_page_of_events_gave_is_refused(
    client: Client, stub: Stub, tenant: str, token: str
) -> None:
    await client.send("hello", conversation_id="c1")
    request = pb.ListEventsRequest(tenant=tenant, conversation_id="c1", page_token=token)
    refused = await refusal(stub.ListEvents(request))

    assert (refused.code, refused.field) == (INVALID, "page_token")


async def test_events_come_oldest_first_in_pages(client: Client, stub: Stub, tenant: str) -> None:
    for number in range(5):
        await client.send(f"message {number}", conversation_id="c1")
        await client.send("another conversation", conversation_id="c2")
    request = pb.ListEventsRequest(tenant=tenant, conversation_id="c1", page_size=2)
    pages: list[list[str]] = []
    while not pages or (request.page_token and len(pages) < 9):
        page = await stub.ListEvents(request)
        pages.append([one.message_received.message.text for one in page.events])
        request.page_token = page.next_page_token

    assert pages == [["message 0", "message 1"], ["message 2", "message 3"], ["message 4"]]


@pytest.mark.parametrize("method", ["ListConversations", "ListEvents"])
async def test_a_page_size_beyond_its_range_is_refused(stub: Stub, tenant: str, method: str) -> None:
    request = getattr(pb, f"{method}Request")(tenant=tenant, page_size=1001)
    refused = await refusal(getattr(stub, method)(request))

    assert (refused.code, refused.field) == (INVALID, "page_size")


@pytest.mark.parametrize("conversation_id", ["nothing", "c" * 100_000, "款" * 5_000])
@pytest.mark.parametrize("method", ["conversation", "close_conversation", "events"])
async def test_what_is_not_there_is_not_found(client: Client, method: str, conversation_id: str) -> None:
    with pytest.raises(YingdaError) as raised:
        await getattr(client, method)(conversation_id)

    assert raised.value.code is grpc.StatusCode.NOT_FOUND


async def test_explaining_keeps_nothing_and_assigns_nobody(client: Client) -> None:
    await hire(client)
    await client.put_agent(agent_pb2.Agent(agent_id="bob", skills={"general": 1}, capacity=1))
    explained = await client.explain("refund my money please")

    assert (explained.analysis.skill, explained.assignment.agent_id) == ("finance", "ann")
    assert [(one.agent_id, one.exclusion) for one in explained.candidates] == [
        ("ann", ""),
        ("bob", "offline"),
    ]
    assert explained.candidates[0].score == pytest.approx(
        sum(one.value for one in explained.candidates[0].terms)
    )
    assert (await client.get_agent("ann")).load == 0
    assert await client.conversations() == []


@pytest.mark.parametrize(("text", "problem"), [("", "is required"), ("x" * 8193, "is 8193 bytes long")])
async def test_explaining_a_bad_text_is_refused(stub: Stub, tenant: str, text: str, problem: str) -> None:
    refused = await refusal(stub.ExplainAssignment(pb.ExplainAssignmentRequest(tenant=tenant, text=text)))

    assert (refused.code, refused.field) == (INVALID, "text")
    assert refused.text.startswith(f"text: {problem}")
