from __future__ import annotations

import asyncio
import logging
import threading

import grpc
import pytest
from yingda import SyncClient, YingdaError
from yingda.bot import (
    BotConfig,
    ChatAssignment,
    ChatBot,
    ChatEscalation,
    ChatMessage,
    EscalationReason,
    SyncChatMessage,
)
from yingda.bot_client import BotClient
from yingda.v1 import agent_pb2, event_pb2

from tests.fakes import FieldValue
from tests.sdk.bot.serving import running, said, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def config(gateway_address: str, tenant: str) -> BotConfig:
    return BotConfig(target=gateway_address, tenant=tenant, bot_id="helper", from_start=True)


async def heard(client: BotClient, conversation_id: str, count: int = 1) -> list[str]:
    """What was written to the customer, once it is so many."""

    async def is_so() -> bool:
        return len(await said(client, conversation_id)) >= count

    await until(is_so)
    return await said(client, conversation_id)


async def test_a_message_is_answered(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)

    @bot.on_message
    async def answer(message: ChatMessage) -> None:
        await message.reply(f"{message.customer_id} said {message.text}")

    async with running(bot, client):
        sent = await client.send("where is it", customer_id="cu1")
        assert await heard(client, sent.conversation_id) == ["cu1 said where is it"]


async def test_a_plain_function_is_called_in_a_thread(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)
    threads: list[threading.Thread] = []

    @bot.on_message
    def answer(message: SyncChatMessage) -> None:
        threads.append(threading.current_thread())
        message.reply(f"it is {message.conversation().customer_id}")

    async with running(bot, client):
        sent = await client.send("hello", customer_id="cu1")
        assert await heard(client, sent.conversation_id) == ["it is cu1"]
    assert threads[0] is not threading.main_thread()


async def test_what_the_engine_read_and_suggests_is_there(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)
    seen: asyncio.Queue[ChatMessage] = asyncio.Queue()
    bot.on_message(seen.put)

    async with running(bot, client):
        sent = await client.send("我的快递到哪了", customer_id="cu1")
        message = await asyncio.wait_for(seen.get(), 10)

    assert (message.intent, message.language) == (sent.analysis.intent, "zh")
    assert list(message.suggestions) == list(sent.suggestions)
    assert message.suggestions
    assert message.confidence == sent.analysis.confidence


async def test_a_bot_gives_a_conversation_on(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)
    given: asyncio.Queue[str] = asyncio.Queue()

    @bot.on_message
    async def give(message: ChatMessage) -> None:
        assignment = await message.assign(skill="finance")
        await given.put(assignment.skill)

    async with running(bot, client):
        sent = await client.send("hello", customer_id="cu1")
        assert await asyncio.wait_for(given.get(), 10) == "finance"
    assert (await client.conversation(sent.conversation_id)).skill == "finance"


async def test_an_assignment_is_told_with_the_message_and_after_waiting(
    client: BotClient, config: BotConfig
) -> None:
    bot = ChatBot(config)
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @bot.on_assignment
    async def tell(given: ChatAssignment) -> None:
        await seen.put((given.conversation_id, given.agent_id))

    skills = {"general": 1, "logistics": 1}
    async with running(bot, client):
        waiting = await client.send("hello", customer_id="cu1")
        await client.put_agent(agent_pb2.Agent(agent_id="ann", skills=skills, capacity=2))
        await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
        at_once = await client.send("hello", customer_id="cu2")
        found = [await asyncio.wait_for(seen.get(), 10) for _ in range(2)]

    assert found == [(waiting.conversation_id, "ann"), (at_once.conversation_id, "ann")]


async def test_an_angry_customer_is_an_escalation(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)
    seen: asyncio.Queue[EscalationReason] = asyncio.Queue()

    @bot.on_escalation
    async def tell(escalation: ChatEscalation) -> None:
        await seen.put(escalation.reason)

    async with running(bot, client):
        for _ in range(3):
            await client.send(
                "三天了物流一动不动，打电话也没人理，你们这是什么垃圾服务！气死我了", customer_id="cu1"
            )
        assert await asyncio.wait_for(seen.get(), 10) is EscalationReason.ANGRY


async def test_messages_of_a_conversation_are_handled_in_order_and_others_beside(
    client: BotClient, config: BotConfig
) -> None:
    bot = ChatBot(config)
    seen: list[str] = []
    release = asyncio.Event()

    @bot.on_message
    async def note(message: ChatMessage) -> None:
        if message.text == "slow":
            await release.wait()
        seen.append(message.text)

    async def is_other_seen() -> bool:
        return "other" in seen

    async def are_all_seen() -> bool:
        return len(seen) == 3

    async with running(bot, client):
        await client.send("slow", customer_id="cu1")
        await client.send("next", customer_id="cu1")
        await client.send("other", customer_id="cu2")
        await until(is_other_seen)
        release.set()
        await until(are_all_seen)

    assert seen == ["other", "slow", "next"]


async def test_a_stopped_bot_finishes_what_it_began_and_goes_on_there(
    client: BotClient, config: BotConfig
) -> None:
    bot = ChatBot(config)
    seen: list[str] = []
    begun = asyncio.Event()

    @bot.on_message
    async def note(message: ChatMessage) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        seen.append(message.text)

    async def are_two_seen() -> bool:
        return len(seen) == 2

    async with running(bot, client):
        await client.send("first", customer_id="cu1")
        await begun.wait()
    assert seen == ["first"]

    await client.send("second", customer_id="cu1")
    async with running(bot, client):
        await until(are_two_seen)
    assert seen == ["first", "second"]


async def test_a_handler_that_raises_is_called_again_and_replies_once(
    client: BotClient, config: BotConfig
) -> None:
    bot = ChatBot(config)
    tries: list[str] = []

    @bot.on_message
    async def answer(message: ChatMessage) -> None:
        tries.append(message.text)
        await message.reply(f"try {len(tries)}")
        if len(tries) == 1:
            raise RuntimeError("the first time")
        await message.reply("done")

    async with running(bot, client):
        sent = await client.send("hello", customer_id="cu1")
        assert await heard(client, sent.conversation_id, 2) == ["try 1", "done"]
    assert len(tries) == 2


async def test_a_handler_that_never_succeeds_is_given_up_and_the_bot_goes_on(
    client: BotClient, gateway_address: str, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = BotConfig(target=gateway_address, tenant=tenant, bot_id="helper", from_start=True, attempts=2)
    bot = ChatBot(config)
    given_up: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    seen: asyncio.Queue[str] = asyncio.Queue()

    @bot.on_message
    async def fail(message: ChatMessage) -> None:
        if message.text == "bad":
            raise RuntimeError("never")
        await seen.put(message.text)

    @bot.on_failure
    async def note(event: event_pb2.Event, error: Exception) -> None:
        await given_up.put((event.message_received.message.text, str(error)))

    with caplog.at_level(logging.CRITICAL, "yingda.bot"):
        async with running(bot, client):
            await client.send("bad", customer_id="cu1")
            await client.send("good", customer_id="cu1")
            assert await asyncio.wait_for(given_up.get(), 10) == ("bad", "never")
            assert await asyncio.wait_for(seen.get(), 10) == "good"


async def test_events_of_any_kind_can_be_followed_as_they_are(client: BotClient, config: BotConfig) -> None:
    bot = ChatBot(config)
    seen: asyncio.Queue[event_pb2.Event] = asyncio.Queue()
    bot.on_event("conversation_closed")(seen.put)

    async with running(bot, client):
        sent = await client.send("hello", customer_id="cu1")
        await client.close_conversation(sent.conversation_id)
        assert (await asyncio.wait_for(seen.get(), 10)).HasField("conversation_closed")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tenant": "nobody"}, grpc.StatusCode.NOT_FOUND),
        ({"bot_id": "a bot"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_trying_again_cannot_mend_is_raised(
    gateway_address: str, tenant: str, change: dict[str, FieldValue], code: grpc.StatusCode
) -> None:
    bot = ChatBot(BotConfig(**{"target": gateway_address, "tenant": tenant, **change}))
    bot.on_message(print)

    with pytest.raises(YingdaError) as refused:
        await bot.serve()
    assert refused.value.code is code


async def test_a_bot_without_handlers_says_so() -> None:
    with pytest.raises(ValueError, match="no handler"):
        await ChatBot().serve()


async def test_a_second_bot_of_the_same_name_ends_the_first(client: BotClient, config: BotConfig) -> None:
    first, second = ChatBot(config), ChatBot(config)
    for bot in (first, second):
        bot.on_message(print)
    serving = asyncio.create_task(first.serve())

    async def is_there() -> bool:
        return bool(await client.bots())

    await until(is_there)
    async with running(second, client):
        with pytest.raises(YingdaError, match="took over"):
            await serving


async def test_a_bot_in_the_background_serves_while_the_block_runs(
    client: BotClient, config: BotConfig
) -> None:
    bot = ChatBot(config)

    @bot.on_message
    def answer(message: SyncChatMessage) -> None:
        message.reply("yes")

    def ask() -> list[str]:
        with bot.background(), SyncClient(config.target, tenant=config.tenant) as asking:
            sent = asking.send("is anybody there", customer_id="cu1")
            return asyncio.run_coroutine_threadsafe(heard(client, sent.conversation_id), loop).result()

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(ask) == ["yes"]


async def test_a_bot_that_cannot_serve_in_the_background_says_why_at_the_end(gateway_address: str) -> None:
    bot = ChatBot(BotConfig(target=gateway_address, tenant="nobody"))
    bot.on_message(print)

    def serve() -> None:
        with bot.background():
            pass

    with pytest.raises(YingdaError, match="NOT_FOUND"):
        await asyncio.to_thread(serve)
