"""Offers, consoles and transfers, through a gateway and an engine that keep real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc
import pytest
import pytest_asyncio
from yingda import Client, YingdaError
from yingda.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc, conversation_pb2, message_pb2

from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITING = conversation_pb2.CONVERSATION_STATE_WAITING
OFFERED = conversation_pb2.CONVERSATION_STATE_OFFERED
ASSIGNED = conversation_pb2.CONVERSATION_STATE_ASSIGNED
WRAPPING = conversation_pb2.CONVERSATION_STATE_WRAPPING
CLOSED = conversation_pb2.CONVERSATION_STATE_CLOSED
ONLINE, OFFLINE = agent_pb2.PRESENCE_ONLINE, agent_pb2.PRESENCE_OFFLINE
REFUSED = grpc.StatusCode.FAILED_PRECONDITION
SOON = 10.0  # seconds; what comes, comes long before


@pytest_asyncio.fixture(loop_scope="session")
async def desk(gateway_address: str, asking: str) -> AsyncIterator[Client]:
    """Speaks for a tenant whose agents are asked first."""
    async with Client(gateway_address, tenant=asking) as opened:
        yield opened


async def hire(client: Client, *agent_ids: str, capacity: int = 1) -> None:
    skills = {"logistics": 3, "finance": 3, "general": 3}
    for agent_id in agent_ids:
        await client.put_agent(agent_pb2.Agent(agent_id=agent_id, skills=skills, capacity=capacity))
        await client.set_presence(agent_id, ONLINE)


async def offer(client: Client, conversation_id: str = "c1") -> str:
    answer = await client.send("where is my parcel", conversation_id=conversation_id)
    return answer.assignment.reservation_id


async def test_an_offer_is_accepted(desk: Client) -> None:
    await hire(desk, "ann")
    reservation_id = await offer(desk)
    offered = await desk.conversation("c1")
    taken = await desk.accept(reservation_id)

    assert (offered.state, offered.reservation_id) == (OFFERED, reservation_id)
    assert offered.due_time.ToMilliseconds() - offered.update_time.ToMilliseconds() == 20_000
    assert (taken.state, taken.agent_id, taken.reservation_id) == (ASSIGNED, "ann", "")
    assert await desk.accept(reservation_id) == taken


async def test_a_declined_offer_goes_to_somebody_else(desk: Client) -> None:
    await hire(desk, "ann", "ben")
    reservation_id = await offer(desk)
    after = await desk.decline(reservation_id)

    assert (after.state, after.agent_id) == (OFFERED, "ben")
    for answer in (desk.accept, desk.decline):
        with pytest.raises(YingdaError, match="has ended") as refused:
            await answer(reservation_id)
        assert refused.value.code is REFUSED


async def test_an_offer_of_nothing_is_not_found(desk: Client) -> None:
    with pytest.raises(YingdaError) as refused:
        await desk.accept("nothing~1")

    assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_a_console_sees_what_the_agent_holds_and_what_changes(desk: Client) -> None:
    await hire(desk, "ann", capacity=2)
    first = await offer(desk, "c1")
    seen = []
    async with aclosing(desk.watch_agent("ann")) as changes:
        seen.append(await asyncio.wait_for(anext(changes), SOON))
        await offer(desk, "c2")
        await desk.accept(first)
        await desk.close_conversation("c1")
        await desk.transfer("c2", skill="legal")
        seen += [await asyncio.wait_for(anext(changes), SOON) for _ in range(4)]

    assert [(one.conversation_id, one.state) for one in seen] == [
        ("c1", OFFERED),
        ("c2", OFFERED),
        ("c1", ASSIGNED),
        ("c1", WRAPPING),
        ("c2", WAITING),
    ]


async def test_a_console_hears_nothing_of_what_others_do(desk: Client) -> None:
    await hire(desk, "ann", "ben")
    await desk.set_presence("ann", agent_pb2.PRESENCE_BUSY)
    async with aclosing(desk.watch_agent("ann")) as changes:
        coming = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.05)
        await offer(desk, "bens")
        await desk.join("bens", "ann")
        joined = await asyncio.wait_for(coming, SOON)

    assert list(joined.participant_agent_ids) == ["ann"]


async def test_presence_lasts_as_long_as_the_console(desk: Client) -> None:
    await hire(desk, "ann")
    await desk.set_presence("ann", ONLINE, lease=1)
    async with aclosing(desk.watch_agent("ann", lease=1)) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(2.2)
        while_open = await desk.get_agent("ann")
        waiting.cancel()
        await asyncio.wait([waiting])
    deadline = asyncio.get_running_loop().time() + SOON
    while (after := await desk.get_agent("ann")).presence == ONLINE:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)

    assert while_open.presence == ONLINE
    assert while_open.HasField("presence_expire_time")
    assert after.presence == OFFLINE


async def test_a_lease_that_lapses_makes_the_offer_to_somebody_else(desk: Client) -> None:
    await hire(desk, "ann")
    await desk.set_presence("ann", ONLINE, lease=1)
    await offer(desk)
    await hire(desk, "ben")
    async with aclosing(desk.watch_agent("ben")) as changes:
        offered = await asyncio.wait_for(anext(changes), SOON)

    assert (offered.conversation_id, offered.agent_id, offered.state) == ("c1", "ben", OFFERED)


async def test_a_console_of_nobody_is_refused(desk: Client) -> None:
    with pytest.raises(YingdaError) as refused:
        await anext(desk.watch_agent("nobody"))

    assert refused.value.code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("seconds", [0.5, 90_000])
async def test_a_lease_out_of_bounds_is_refused(
    channel: grpc.aio.Channel, desk: Client, asking: str, seconds: float
) -> None:
    await hire(desk, "ann")
    stub = agent_service_pb2_grpc.AgentServiceStub(channel)
    request = agent_service_pb2.SetPresenceRequest(tenant=asking, agent_id="ann", presence=ONLINE)
    request.lease.FromMilliseconds(round(seconds * 1000))
    refused = await refusal(stub.SetPresence(request))

    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "lease")


async def test_a_conversation_is_transferred_joined_closed_and_completed(desk: Client) -> None:
    await hire(desk, "ann", "ben")
    await desk.accept(await offer(desk))
    moved = await desk.transfer("c1", agent_id="ben")
    await desk.accept(moved.assignment.reservation_id)
    joined = await desk.join("c1", "ann")
    closed = await desk.close_conversation("c1")
    completed = await desk.complete("c1")

    assert (moved.conversation.agent_id, list(joined.participant_agent_ids)) == ("ben", ["ann"])
    assert (closed.state, completed.state) == (WRAPPING, CLOSED)
    kinds = [one.WhichOneof("kind") for one in await desk.events("c1")]
    assert kinds == [
        "message_received",
        "reservation_accepted",
        "conversation_transferred",
        "conversation_assigned",
        "reservation_accepted",
        "conversation_joined",
        "conversation_closed",
        "conversation_completed",
    ]


async def test_a_transfer_without_a_target_is_refused(desk: Client) -> None:
    await offer(desk)
    with pytest.raises(YingdaError, match="target"):
        await desk.transfer("c1")


async def test_what_is_open_is_not_completed(desk: Client) -> None:
    await offer(desk)
    with pytest.raises(YingdaError, match="close it first") as refused:
        await desk.complete("c1")

    assert refused.value.code is REFUSED


async def test_a_waiting_conversation_explains_itself(desk: Client) -> None:
    await hire(desk, "ann", "ben")
    await desk.set_presence("ben", agent_pb2.PRESENCE_AWAY)
    await desk.decline(await offer(desk))
    found = await desk.explain(conversation_id="c1")

    assert found.analysis.intent == "shipping.track"
    assert {one.agent_id: one.exclusion for one in found.candidates} == {"ann": "declined", "ben": "away"}
    assert found.assignment.reason == "nobody eligible for logistics: 1 away, 1 declined"
    assert len(found.assignment.policy_version) == 12


async def test_hints_are_followed(client: Client) -> None:
    await hire(client, "ann", "ben")
    message = client.message("where is my parcel", customer_id="cu1")
    message.routing.CopyFrom(message_pb2.RoutingHints(preferred_agent_id="ben", priority=3))

    assert (await client.send_message(message)).assignment.agent_id == "ben"
