from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import grpc
import pytest
import pytest_asyncio
from yingda import YingdaError
from yingda.bot_client import BotClient
from yingda.v1 import bot_service_pb2 as pb
from yingda.v1 import conversation_service_pb2, event_pb2

import gateway.bootstrap
from gateway.settings import GatewaySettings
from tests.fakes import FieldValue

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE = 10.0  # seconds


class Stream:
    """A bot's stream as a test holds it."""

    def __init__(self, client: BotClient, **first: FieldValue) -> None:
        self._requests: asyncio.Queue[pb.ReceiveEventsRequest] = asyncio.Queue()
        self._requests.put_nowait(pb.ReceiveEventsRequest(**first))
        self._pages: AsyncGenerator[Sequence[event_pb2.Event], None] = client.receive_events(self._sent())

    async def receive(self, count: int) -> list[event_pb2.Event]:
        """The next events, as many."""
        found: list[event_pb2.Event] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                found += await anext(self._pages)
        return found

    async def is_silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes; the stream is over then."""
        try:
            async with asyncio.timeout(seconds):
                while not await anext(self._pages):  # the first page is empty
                    pass
        except TimeoutError:
            return True
        return False

    def acknowledge(self, event: event_pb2.Event) -> None:
        self._requests.put_nowait(pb.ReceiveEventsRequest(acknowledged_sequence=event.sequence))

    async def close(self) -> None:
        await self._pages.aclose()

    async def _sent(self) -> AsyncIterator[pb.ReceiveEventsRequest]:
        while True:
            yield await self._requests.get()


@pytest_asyncio.fixture(loop_scope="session")
async def bots(gateway_address: str, tenant: str) -> AsyncIterator[BotClient]:
    async with BotClient(gateway_address, tenant=tenant) as opened:
        yield opened


@asynccontextmanager
async def following(client: BotClient, tenant: str, **first: FieldValue) -> AsyncIterator[Stream]:
    asked = {"tenant": tenant, "bot_id": "bot", "kinds": ["message_received"], **first}
    stream = Stream(client, **asked)
    try:
        yield stream
    finally:
        await stream.close()


def texts(events: Sequence[event_pb2.Event]) -> list[str]:
    return [one.message_received.message.text for one in events]


async def until(is_so: Callable[[Sequence[pb.Bot]], bool], client: BotClient) -> None:
    """Return once the list of bots is so."""
    for _ in range(round(PATIENCE / 0.02)):
        if is_so(await client.bots()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await client.bots())


async def until_acknowledged(client: BotClient, sequence: int) -> None:
    await until(lambda found: found[0].acknowledged_sequence >= sequence, client)


async def test_a_bot_gets_what_happens_in_order(bots: BotClient, tenant: str) -> None:
    async with following(bots, tenant, from_start=True) as stream:
        for number in range(5):
            await bots.send(f"message {number}", customer_id=f"cu{number}")

        assert texts(await stream.receive(5)) == [f"message {number}" for number in range(5)]


async def test_a_new_bot_begins_with_what_happens_from_now_on(bots: BotClient, tenant: str) -> None:
    await bots.send("before", customer_id="cu1")
    async with following(bots, tenant) as stream:
        reading = asyncio.create_task(stream.receive(1))
        await until(bool, bots)
        await bots.send("after", customer_id="cu1")

        assert texts(await reading) == ["after"]


async def test_what_was_not_acknowledged_comes_again_and_the_rest_does_not(
    bots: BotClient, tenant: str
) -> None:
    for number in range(4):
        await bots.send(f"message {number}", customer_id="cu1")
    async with following(bots, tenant, from_start=True) as stream:
        events = await stream.receive(4)
        stream.acknowledge(events[1])
        await until_acknowledged(bots, events[1].sequence)

    async with following(bots, tenant) as stream:
        assert texts(await stream.receive(2)) == ["message 2", "message 3"]


async def test_a_bot_resumes_from_its_own_token_where_that_is_newer(bots: BotClient, tenant: str) -> None:
    for number in range(3):
        await bots.send(f"message {number}", customer_id="cu1")
    async with following(bots, tenant, from_start=True) as stream:
        events = await stream.receive(3)

    async with following(bots, tenant, acknowledged_sequence=events[1].sequence) as stream:
        assert texts(await stream.receive(1)) == ["message 2"]


async def test_no_more_than_the_window_is_under_way(bots: BotClient, tenant: str) -> None:
    for number in range(5):
        await bots.send(f"message {number}", customer_id="cu1")
    async with following(bots, tenant, from_start=True, window=2) as stream:
        first = await stream.receive(2)
        stream.acknowledge(first[0])
        assert texts(await stream.receive(1)) == ["message 2"]
        assert await stream.is_silent()


async def test_only_the_kinds_asked_for_come(bots: BotClient, tenant: str) -> None:
    async with following(bots, tenant, from_start=True, kinds=["conversation_closed"]) as stream:
        answer = await bots.send("hello", customer_id="cu1")
        await bots.close_conversation(answer.conversation_id)

        (event,) = await stream.receive(1)
        assert event.WhichOneof("kind") == "conversation_closed"


async def test_a_second_stream_of_a_bot_ends_the_first(bots: BotClient, tenant: str) -> None:
    async with following(bots, tenant) as first:
        reading = asyncio.create_task(first.receive(1))
        await until(bool, bots)
        async with following(bots, tenant, from_start=True) as second:
            waiting = asyncio.create_task(second.receive(1))
            with pytest.raises(YingdaError, match="another stream of bot bot took over"):
                await reading
            await bots.send("hello", customer_id="cu1")
            assert texts(await waiting) == ["hello"]


async def test_bots_of_tenants_are_apart(
    bots: BotClient, tenant: str, gateway_address: str, other_tenant: str
) -> None:
    async with BotClient(gateway_address, tenant=other_tenant) as other:
        await other.send("theirs", customer_id="cu1")
        await bots.send("ours", customer_id="cu1")
        async with following(bots, tenant, from_start=True) as stream:
            assert texts(await stream.receive(1)) == ["ours"]
        assert await other.bots() == []


async def test_the_list_says_how_far_behind_a_bot_is(bots: BotClient, tenant: str) -> None:
    await bots.send("hello", customer_id="cu1")
    async with following(bots, tenant, from_start=True) as stream:
        (event,) = await stream.receive(1)
        (bot,) = await bots.bots()
        assert (bot.bot_id, bot.acknowledged_sequence, bot.is_connected) == ("bot", 0, True)
        assert bot.behind_since_time == event.create_time
        stream.acknowledge(event)
        await until_acknowledged(bots, event.sequence)

        assert not (await bots.bots())[0].HasField("behind_since_time")


async def test_a_forgotten_bot_begins_anew(bots: BotClient, tenant: str) -> None:
    await bots.send("hello", customer_id="cu1")
    async with following(bots, tenant) as stream:
        assert await stream.is_silent()
    await bots.delete_bot("bot")
    with pytest.raises(YingdaError, match="NOT_FOUND"):
        await bots.delete_bot("bot")

    async with following(bots, tenant, from_start=True) as stream:
        assert texts(await stream.receive(1)) == ["hello"]


@pytest.mark.parametrize(
    ("first", "field"),
    [
        ({"bot_id": ""}, "bot_id"),
        ({"bot_id": "a bot"}, "bot_id"),
        ({"window": 1001}, "window"),
        ({"kinds": ["a b"]}, r"kinds\[0\]"),
        ({"kinds": ["a"] * 65}, "kinds"),
        ({"acknowledged_sequence": -1}, "acknowledged_sequence"),
    ],
)
async def test_a_bad_first_request_is_refused(
    bots: BotClient, tenant: str, first: dict[str, FieldValue], field: str
) -> None:
    async with following(bots, tenant, **first) as stream:
        with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: {field}"):
            await stream.receive(1)


async def test_a_stream_of_another_tenant_is_refused(bots: BotClient) -> None:
    async with following(bots, "nobody") as stream:
        with pytest.raises(YingdaError, match="NOT_FOUND"):
            await stream.receive(1)


def reply(conversation_id: str, **changes: FieldValue) -> conversation_service_pb2.SendReplyRequest:
    fields = {"conversation_id": conversation_id, "text": "on its way", "bot_id": "bot"} | changes
    return conversation_service_pb2.SendReplyRequest(**fields)


async def test_a_reply_is_an_event_that_its_channel_can_deliver(bots: BotClient, tenant: str) -> None:
    answer = await bots.send("where is it", customer_id="cu7", message_id="m1")
    async with following(bots, tenant, from_start=True, kinds=["message_sent"]) as stream:
        await bots.send_reply(
            reply(answer.conversation_id, reply_id="r1", in_reply_to_message_id="m1", request_id="q1")
        )

        (event,) = await stream.receive(1)
    sent = event.message_sent
    assert (sent.text, sent.customer_id, sent.bot_id) == ("on its way", "cu7", "bot")
    assert (sent.reply_id, sent.in_reply_to_message_id, sent.message_id) == ("r1", "m1", "reply:q1")


async def test_a_reply_sent_twice_is_journaled_once(bots: BotClient) -> None:
    answer = await bots.send("where is it", customer_id="cu1")
    first = await bots.send_reply(reply(answer.conversation_id, request_id="q1"))
    again = await bots.send_reply(reply(answer.conversation_id, request_id="q1", text="other words"))

    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.message == first.message
    kinds = [one.WhichOneof("kind") for one in await bots.events(answer.conversation_id)]
    assert kinds.count("message_sent") == 1


async def test_a_reply_to_a_closed_conversation_is_refused(bots: BotClient) -> None:
    answer = await bots.send("hello", customer_id="cu1")
    await bots.close_conversation(answer.conversation_id)

    with pytest.raises(YingdaError) as refused:
        await bots.send_reply(reply(answer.conversation_id))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "a" * 8193}, "text"),
        ({"bot_id": ""}, "bot_id"),
        ({"request_id": "q" * 129}, "request_id"),
        ({"reply_id": "r" * 65}, "reply_id"),
    ],
)
async def test_a_bad_reply_is_refused(bots: BotClient, changes: dict[str, FieldValue], field: str) -> None:
    answer = await bots.send("hello", customer_id="cu1")

    with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: {field}"):
        await bots.send_reply(reply(answer.conversation_id, **changes))


async def test_a_transfer_made_twice_under_one_name_is_made_once(bots: BotClient) -> None:
    answer = await bots.send("hello", customer_id="cu1")
    await bots.transfer(answer.conversation_id, skill="finance", request_id="q1")
    again = await bots.transfer(answer.conversation_id, skill="finance", request_id="q1")

    kinds = [one.WhichOneof("kind") for one in await bots.events(answer.conversation_id)]
    assert kinds.count("conversation_transferred") == 1
    assert again.assignment.reason == "this transfer was made before"


async def test_a_gateway_that_leaves_ends_the_streams_of_bots_and_keeps_what_they_did(
    engine_address: str, bots: BotClient, tenant: str
) -> None:
    await bots.send("hello", customer_id="cu1")
    leaving = gateway.bootstrap.bootstrap(
        GatewaySettings(listen="127.0.0.1:0", engine=engine_address, tenants=[tenant], grace=30)
    )
    running = await leaving.__aenter__()
    async with (
        BotClient(running.address, tenant=tenant) as client,
        following(client, tenant, from_start=True) as stream,
    ):
        (event,) = await stream.receive(1)
        stream.acknowledge(event)
        await until_acknowledged(bots, event.sequence)
        began = asyncio.get_running_loop().time()
        await leaving.__aexit__(None, None, None)

        assert asyncio.get_running_loop().time() - began < 10
        with pytest.raises(StopAsyncIteration):
            await stream.receive(1)
