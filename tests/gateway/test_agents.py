from __future__ import annotations

from typing import TypeAlias

import grpc
import pytest
from yingda import Client, YingdaError
from yingda.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc, conversation_pb2

from tests.fakes import FieldValue
from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

Stub: TypeAlias = "agent_service_pb2_grpc.AgentServiceAsyncStub"
ONLINE = agent_pb2.PRESENCE_ONLINE
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def make(agent_id: str = "ann", **changes: FieldValue) -> agent_pb2.Agent:
    fields: dict[str, FieldValue] = {"skills": {"logistics": 3, "finance": 3, "general": 3}, "capacity": 1}
    return agent_pb2.Agent(agent_id=agent_id, **(fields | changes))


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Stub:
    return agent_service_pb2_grpc.AgentServiceStub(channel)


async def test_a_put_agent_is_there_and_offline(client: Client) -> None:
    put = await client.put_agent(make(name="Ann", languages=["zh", "en"]))

    assert put == make(
        name="Ann", languages=["en", "zh"], time_zone="UTC", presence=agent_pb2.PRESENCE_OFFLINE
    )
    assert await client.get_agent("ann") == put
    assert await client.agents() == [put]


async def test_putting_again_keeps_presence_and_load(client: Client) -> None:
    await client.put_agent(make())
    await client.set_presence("ann", ONLINE)
    await client.send("hello", customer_id="cu1")
    put = await client.put_agent(make(name="Anna", capacity=7))

    assert (put.name, put.capacity, put.presence, put.load) == ("Anna", 7, ONLINE, 1)


@pytest.mark.parametrize("presence", agent_pb2.Presence.values()[1:])
async def test_presence_is_set_and_kept(client: Client, presence: agent_pb2.Presence.ValueType) -> None:
    await client.put_agent(make())

    assert (await client.set_presence("ann", presence)).presence == presence
    assert (await client.get_agent("ann")).presence == presence


async def test_who_comes_online_gets_what_waits(client: Client) -> None:
    waiting = await client.send("hello", customer_id="cu1")
    await client.put_agent(make())
    agent = await client.set_presence("ann", ONLINE)
    found = await client.conversation(waiting.conversation_id)

    assert agent.load == 1
    assert (found.state, found.agent_id) == (conversation_pb2.CONVERSATION_STATE_ASSIGNED, "ann")


async def test_more_capacity_is_filled_at_once(client: Client) -> None:
    await client.put_agent(make())
    await client.set_presence("ann", ONLINE)
    for number in range(3):
        await client.send("hello", customer_id=f"cu{number}")

    assert (await client.put_agent(make(capacity=2))).load == 2


async def test_agents_come_in_pages_by_id(client: Client, stub: Stub, tenant: str) -> None:
    for number in (3, 1, 4, 0, 2):
        await client.put_agent(make(f"a{number}"))
    request = agent_service_pb2.ListAgentsRequest(tenant=tenant, page_size=2)
    pages: list[list[str]] = []
    while not pages or (request.page_token and len(pages) < 9):
        page = await stub.ListAgents(request)
        pages.append([agent.agent_id for agent in page.agents])
        request.page_token = page.next_page_token

    assert pages == [["a0", "a1"], ["a2", "a3"], ["a4"]]


async def test_a_tenant_without_agents_has_an_empty_page(client: Client) -> None:
    assert await client.agents() == []


@pytest.mark.parametrize("page_size", [-1, 1001])
async def test_a_page_size_beyond_its_range_is_refused(stub: Stub, tenant: str, page_size: int) -> None:
    request = agent_service_pb2.ListAgentsRequest(tenant=tenant, page_size=page_size)
    refused = await refusal(stub.ListAgents(request))

    assert (refused.code, refused.field) == (INVALID, "page_size")
    assert refused.text == f"page_size: is {page_size}, must be 0 to 1000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": ""}, "agent.agent_id"),
        ({"agent_id": "a/b"}, "agent.agent_id"),
        ({"capacity": 0}, "agent.capacity"),
        ({"skills": {}}, "agent.skills"),
        ({"skills": {"refund: all": 9}}, "agent.skills['refund: all']"),
        ({"skills": {"x" * 50_000: 1}}, "agent.skills"),
        ({"skills": {"款" * 5_000: 1}}, "agent.skills"),
        ({"name": "x" * 201}, "agent.name"),
    ],
)
async def test_a_bad_agent_is_refused_by_field(
    stub: Stub,
    tenant: str,
    change: dict[str, FieldValue],
    field: str,
) -> None:
    request = agent_service_pb2.PutAgentRequest(tenant=tenant, agent=make(**change))
    refused = await refusal(stub.PutAgent(request))

    assert refused.code is INVALID
    assert refused.field.startswith(field)
    assert refused.text.startswith(field)


async def test_a_request_without_an_agent_is_refused_by_field(stub: Stub, tenant: str) -> None:
    refused = await refusal(stub.PutAgent(agent_service_pb2.PutAgentRequest(tenant=tenant)))

    assert (refused.code, refused.field) == (INVALID, "agent.agent_id")


@pytest.mark.parametrize("presence", [0, 99])
async def test_a_presence_that_is_none_is_refused(
    stub: Stub, client: Client, tenant: str, presence: int
) -> None:
    await client.put_agent(make())
    request = agent_service_pb2.SetPresenceRequest(tenant=tenant, agent_id="ann", presence=presence)  # type: ignore[arg-type]
    refused = await refusal(stub.SetPresence(request))

    assert (refused.code, refused.field) == (INVALID, "presence")


@pytest.mark.parametrize("agent_id", ["nobody", "", "a" * 100_000, "款" * 5_000, "a\x00"])
async def test_an_agent_who_is_not_there_is_not_found(client: Client, agent_id: str) -> None:
    with pytest.raises(YingdaError) as got:
        await client.get_agent(agent_id)
    with pytest.raises(YingdaError) as set_:
        await client.set_presence(agent_id, ONLINE)

    assert got.value.code == set_.value.code == grpc.StatusCode.NOT_FOUND
