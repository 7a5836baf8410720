from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from yingda import Client, SyncClient, YingdaError
from yingda.v1 import (
    agent_pb2,
    conversation_pb2,
    conversation_service_pb2,
    event_pb2,
    message_pb2,
    message_service_pb2,
    reply_pb2,
)

from tests.fakes import FakeEngine, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def silent(_: str, __: bytes) -> bytes:
    return b""


async def hang(_: str, __: bytes) -> bytes:
    await asyncio.sleep(30)
    return b""


def in_thread(use: Callable[[SyncClient], Any], address: str, tenant: str) -> Any:  # noqa: ANN401
    """What `use` gives of a client of its own, waited for off the loop that the services run on."""

    def run() -> Any:  # noqa: ANN401
        with SyncClient(address, tenant=tenant) as client:
            return use(client)

    return asyncio.to_thread(run)


async def test_a_message_without_an_id_gets_one_of_its_own(client: Client, tenant: str) -> None:
    first, second = (client.message("hello", customer_id="cu1") for _ in range(2))

    assert first.tenant == tenant
    assert len(first.message_id) == len(second.message_id) == 32
    assert first.message_id != second.message_id


async def test_a_message_is_what_was_asked_for(client: Client, tenant: str) -> None:
    message = client.message(
        "hello", channel=message_pb2.CHANNEL_SMS, customer_id="cu", conversation_id="c", message_id="m"
    )

    assert message == message_pb2.Message(
        tenant=tenant,
        channel=message_pb2.CHANNEL_SMS,
        message_id="m",
        conversation_id="c",
        customer_id="cu",
        text="hello",
    )


async def test_everything_can_be_done_through_the_client(client: Client) -> None:
    await client.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 3}, capacity=1))
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    answer = await client.send("good morning", customer_id="cu1")
    await client.put_reply(reply_pb2.Reply(reply_id="own", language="en", text="hi"))
    found = await client.conversation(answer.conversation_id)
    closed = await client.close_conversation(answer.conversation_id)
    await client.delete_reply("own")

    assert (await client.get_agent("ann")).load == 0
    assert [one.conversation_id for one in await client.conversations()] == [found.conversation_id]
    assert closed.state == conversation_pb2.CONVERSATION_STATE_CLOSED
    assert len(await client.events(answer.conversation_id)) == 2
    assert len(await client.suggest(conversation_id=answer.conversation_id)) == 3
    assert (await client.explain("good morning")).candidates[0].agent_id == "ann"


async def test_lists_are_whole_however_many_pages_they_have(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yingda.client.PAGE_SIZE", 2)
    for number in range(5):
        await client.put_agent(agent_pb2.Agent(agent_id=f"a{number}", skills={"s": 1}, capacity=1))
        await client.send(f"message {number}", conversation_id="c1")

    assert [agent.agent_id for agent in await client.agents()] == [f"a{n}" for n in range(5)]
    assert len(await client.events("c1")) == 5
    assert len(await client.replies()) > 100


async def test_an_answer_of_more_than_4_mib_is_read() -> None:
    long = event_pb2.Event(conversation_id="c" * 5_000_000)
    page = conversation_service_pb2.ListEventsResponse(events=[long]).SerializeToString()

    async def answer(_: str, __: bytes) -> bytes:
        return page

    async with serving(FakeEngine(answer=answer)) as address, Client(address) as client:
        assert await client.events("c1") == [long]


async def test_an_error_says_its_code_and_what_to_do(client: Client) -> None:
    with pytest.raises(YingdaError) as raised:
        await client.get_agent("nobody")

    assert raised.value.code is grpc.StatusCode.NOT_FOUND
    assert str(raised.value).startswith("NOT_FOUND: tenant ")
    assert "AgentService.PutAgent" in str(raised.value)


async def test_a_call_ends_when_its_time_is_up() -> None:
    async with (
        serving(FakeEngine(answer=hang)) as address,
        Client(address, timeout=0.2) as client,
    ):
        with pytest.raises(YingdaError, match="DEADLINE_EXCEEDED"):
            await client.agents()


async def test_where_nobody_listens_the_error_is_plain() -> None:
    async with Client("127.0.0.1:1", timeout=2) as client:
        with pytest.raises(YingdaError, match="UNAVAILABLE"):
            await client.send("hello", customer_id="cu1")


async def test_a_token_goes_with_every_call() -> None:
    seen: list[Any] = []

    class Watch(FakeEngine):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
            seen.append(dict(details.invocation_metadata or ()).get("authorization"))
            return super().service(details)

    async with serving(Watch(answer=silent)) as address, Client(address, token="t0ken") as client:
        await client.agents()
        await client.send("hello", customer_id="cu1")

    assert seen == ["Bearer t0ken"] * 2


async def test_a_sync_client_does_the_same(gateway_address: str, tenant: str) -> None:
    def use(client: SyncClient) -> tuple[Any, ...]:
        client.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 3}, capacity=1))
        answer = client.send_message(client.message("good morning", customer_id="cu1"))
        return client.agents()[0].agent_id, client.conversation(answer.conversation_id).customer_id

    assert await in_thread(use, gateway_address, tenant) == ("ann", "cu1")


async def test_a_sync_client_raises_the_same_errors(gateway_address: str, tenant: str) -> None:
    with pytest.raises(YingdaError, match="NOT_FOUND"):
        await in_thread(lambda client: client.get_agent("nobody"), gateway_address, tenant)


async def test_a_sync_client_may_be_shared_between_threads(gateway_address: str, tenant: str) -> None:
    def use(client: SyncClient) -> int:
        ids: list[str] = []
        threads = [
            threading.Thread(
                target=lambda n=n: ids.append(client.send("hello", customer_id=f"cu{n}").conversation_id)
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(set(ids))

    assert await in_thread(use, gateway_address, tenant) == 8


async def test_a_closed_sync_client_leaves_no_thread(gateway_address: str, tenant: str) -> None:
    await in_thread(lambda client: client.agents(), gateway_address, tenant)

    assert "yingda-client" not in {thread.name for thread in threading.enumerate()}


def public(one: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(one, callable) if not name.startswith("_")}


async def test_the_sync_client_has_every_method_but_those_that_stream() -> None:
    assert public(Client) - public(SyncClient) == {"stream", "watch_agent", "watch_console", "keystrokes"}


async def test_a_request_is_the_contracts_own() -> None:
    fake = FakeEngine(answer=silent)
    async with serving(fake) as address, Client(address) as client:
        await client.send("hello", customer_id="cu1", message_id="m1")
    (call,) = fake.calls

    assert call[0] == "/yingda.v1.MessageService/SendMessage"
    assert message_service_pb2.SendMessageRequest.FromString(call[1]).message.message_id == "m1"
