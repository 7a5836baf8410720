"""What is known of customers reaches replies and consoles, and a slow source delays nobody."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest
import pytest_asyncio
from yingda import Client, YingdaError
from yingda.v1 import agent_pb2, agent_service_pb2, customer_pb2, message_pb2

import engine.bootstrap
import gateway.bootstrap
from engine.customer.settings import CustomerSettings
from engine.settings import EngineSettings
from gateway.settings import GatewaySettings
from tests.engine.customer.servers import GrpcShop, Shop, serving_grpc, serving_http

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANTS = [f"known{number}" for number in range(40)]
PATIENCE = 20.0  # seconds
_numbers = itertools.count()


def shop_order(number: str, tracking_no: str) -> dict[str, str]:
    return {"order_id": number, "tracking_no": tracking_no, "status": "sent"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    yield Shop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crm() -> AsyncIterator[GrpcShop]:
    yield GrpcShop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(shop: Shop, crm: GrpcShop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A gateway whose tenants have an HTTP and a gRPC source; "alone" has none."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving_http(shop))
        target = await stack.enter_async_context(serving_grpc(crm))
        customers = CustomerSettings.model_validate(
            {
                "sources": [
                    {"kind": "http", "name": "shop", "gives": "orders", "url": f"{url}/{{customer_id}}"},
                    {"kind": "grpc", "name": "crm", "target": target},
                ]
            }
        )
        settings = EngineSettings(
            data_dir=tmp_path_factory.mktemp("engine"), grace=1, customers=dict.fromkeys(TENANTS, customers)
        )
        running = await stack.enter_async_context(engine.bootstrap.bootstrap(settings))
        edge = GatewaySettings(
            listen="127.0.0.1:0", engine=running.address, tenants=[*TENANTS, "alone"], grace=1
        )
        yield (await stack.enter_async_context(gateway.bootstrap.bootstrap(edge))).address


@pytest_asyncio.fixture(loop_scope="session")
async def known(address: str, shop: Shop, crm: GrpcShop) -> AsyncIterator[Client]:
    """Speaks for a tenant with sources, where an agent is online."""
    shop.delay = crm.delay = 0
    async with Client(address, tenant=TENANTS[next(_numbers)], timeout=30) as opened:
        skills = {"general": 3, "logistics": 3}
        await opened.put_agent(agent_pb2.Agent(agent_id="ann", skills=skills, capacity=500))
        await opened.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
        yield opened


@asynccontextmanager
async def watching(client: Client) -> AsyncIterator[asyncio.Queue[agent_service_pb2.WatchAgentResponse]]:
    """What the agent's console is told."""
    told: asyncio.Queue[agent_service_pb2.WatchAgentResponse] = asyncio.Queue()

    async def read(stream: AsyncGenerator[agent_service_pb2.WatchAgentResponse, None]) -> None:
        async with aclosing(stream):
            async for one in stream:
                await told.put(one)

    task = asyncio.create_task(read(client.watch_console("ann", lease=60)))
    try:
        yield told
    finally:
        task.cancel()


async def orders_of(told: asyncio.Queue[agent_service_pb2.WatchAgentResponse], customer_id: str) -> list[str]:
    """The numbers of a customer's orders, once the console knows some."""
    async with asyncio.timeout(PATIENCE):
        while True:
            one = await told.get()
            if one.customer.customer_id == customer_id and one.customer.orders:
                assert one.conversation.customer_id == customer_id
                return [order.order_id for order in one.customer.orders]


async def test_both_sources_and_the_history_are_told(known: Client, shop: Shop, crm: GrpcShop) -> None:
    shop.answers["/cu1"] = [shop_order("A1", "SF1")]
    crm.customers["cu1"] = customer_pb2.Customer(facts={"customer_name": "Ann"})
    sent = await known.send("hello", customer_id="cu1")
    customer = await known.customer("cu1")

    assert (customer.facts["customer_name"], customer.orders[0].order_id) == ("Ann", "A1")
    assert [one.conversation_id for one in customer.contacts] == [sent.conversation_id]
    assert (list(customer.waiting_sources), list(customer.failed_sources)) == ([], [])


async def test_a_reply_is_filled_with_what_was_fetched_ahead(known: Client, shop: Shop) -> None:
    shop.answers["/cu2"] = [shop_order("A2", "SF2")]
    first = await known.send("where is my parcel", customer_id="cu2")
    await known.customer("cu2")
    second = await known.send("where is my parcel now", customer_id="cu2")
    typed = await known.suggest("tracking", conversation_id=first.conversation_id, language="en", limit=10)

    assert any("SF2" in one.text for one in second.suggestions)
    assert any("SF2" in one.text for one in typed)


async def test_a_message_says_more_than_a_source(known: Client, shop: Shop) -> None:
    shop.answers["/cu3"] = [shop_order("A3", "SF3")]
    await known.customer("cu3")
    message = known.message("where is my parcel", customer_id="cu3")
    message.metadata["tracking_no"] = "OTHER"
    answer = await known.send_message(message)

    texts = "".join(one.text for one in answer.suggestions)
    assert ("OTHER" in texts, "SF3" in texts) == (True, False)


async def test_a_console_gets_the_orders_when_they_come_and_no_message_waits_for_them(
    known: Client, shop: Shop
) -> None:
    shop.delay = 3.0
    customers = [f"slow{number}" for number in range(30)]
    shop.answers |= {f"/{one}": [shop_order(f"A-{one}", "SF")] for one in customers}
    async with watching(known) as told:
        took: list[float] = []
        for one in customers:
            started = time.perf_counter()
            await known.send("where is my parcel", customer_id=one)
            took.append(time.perf_counter() - started)
        begun = time.perf_counter()
        assert await orders_of(told, customers[-1]) == [f"A-{customers[-1]}"]

        assert max(took) < 1.0
        assert time.perf_counter() - begun > 1.0


async def test_a_console_that_opens_later_sees_what_is_known(known: Client, shop: Shop) -> None:
    shop.answers["/cu4"] = [shop_order("A4", "SF4")]
    await known.send("hello", customer_id="cu4")
    await known.customer("cu4")
    async with watching(known) as told:
        first = await asyncio.wait_for(told.get(), PATIENCE)
    report = await known.preload_report()

    assert [one.order_id for one in first.customer.orders] == ["A4"]
    assert (report.shown, report.ready, report.hit_rate) == (1, 1, 1.0)
    assert [one.name for one in report.sources] == ["crm", "history", "shop"]


async def test_what_a_console_knows_is_not_sent_again(known: Client, shop: Shop) -> None:
    shop.answers["/cu5"] = [shop_order("A5", "SF5")]
    await known.send("hello", customer_id="cu5")
    await known.customer("cu5")
    async with watching(known) as told:
        first = await asyncio.wait_for(told.get(), PATIENCE)
        await known.send("hello again", customer_id="cu5")
        second = await asyncio.wait_for(told.get(), PATIENCE)

    assert (first.HasField("customer"), second.HasField("customer")) == (True, False)


async def test_a_tenant_without_sources_knows_nothing(address: str) -> None:
    async with Client(address, tenant="alone") as client:
        found = await client.customer("cu1")

        assert (found.customer_id, list(found.orders)) == ("cu1", [])
        assert (await client.preload_report()).shown == 0


@pytest.mark.parametrize(
    ("customer_id", "channel", "field"),
    [
        ("", message_pb2.CHANNEL_WEB, "customer_id"),
        ("x" * 129, message_pb2.CHANNEL_WEB, "customer_id"),
        ("cu1", message_pb2.CHANNEL_UNSPECIFIED, "channel"),
    ],
)
async def test_a_bad_request_is_refused(
    known: Client, customer_id: str, channel: message_pb2.Channel.ValueType, field: str
) -> None:
    with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: {field}"):
        await known.customer(customer_id, channel=channel)
