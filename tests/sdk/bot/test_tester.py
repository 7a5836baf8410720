from __future__ import annotations

import pytest
from yingda.bot import BotConfig, ChatBot, ChatEscalation, ChatMessage, ChatTicket, SyncChatMessage
from yingda.v1.reply_pb2 import Suggestion
from yingda.v1.ticket_pb2 import Ticket


def make_bot() -> ChatBot:
    """Answers, gives angry ones on, and says goodbye."""
    bot = ChatBot(BotConfig(bot_id="helper"))

    @bot.on_message
    async def answer(message: ChatMessage) -> None:
        if message.intent == "refund.request":
            await message.assign(skill="finance")
        elif message.text == "bye":
            await message.reply("goodbye")
            await message.close()
        elif message.suggestions:
            await message.reply_with(message.suggestions[0])

    @bot.on_escalation
    async def soothe(escalation: ChatEscalation) -> None:
        await escalation.reply(f"a human comes: {escalation.reason}")

    @bot.on_ticket
    async def tell(ticket: ChatTicket) -> None:
        await ticket.reply(f"your number is {ticket.ticket.ticket_id}")

    return bot


def test_a_bot_is_tested_without_a_server_and_without_asyncio() -> None:
    desk = make_bot().testing()

    assert desk.say("bye", customer_id="cu1") == ["goodbye"]
    assert desk.closed == ["c-cu1"]


def test_a_plain_handler_is_tested_alike() -> None:
    bot = ChatBot()

    @bot.on_message
    def echo(message: SyncChatMessage) -> None:
        message.reply(message.text)

    assert bot.testing().say("hello") == ["hello"]


async def test_what_is_given_on_is_kept() -> None:
    desk = make_bot().testing()
    await desk.send("money back", intent="refund.request", customer_id="cu1")

    assert [(one.conversation_id, one.skill) for one in desk.transfers] == [("c-cu1", "finance")]
    assert desk.replies == []


async def test_a_suggestion_is_sent_under_its_name() -> None:
    desk = make_bot().testing()
    await desk.send("hello", suggestions=[Suggestion(reply_id="r1", text="hi")])

    assert [(one.text, one.reply_id, one.bot_id) for one in desk.replies] == [("hi", "r1", "helper")]


async def test_a_suggestion_with_an_open_slot_is_not_sent() -> None:
    desk = make_bot().testing()

    with pytest.raises(ValueError, match="open slots: order_id"):
        await desk.send(
            "hello", suggestions=[Suggestion(reply_id="r1", text="{order_id}", slots=["order_id"])]
        )
    assert desk.replies == []


async def test_escalations_and_tickets_reach_their_handlers() -> None:
    desk = make_bot().testing()
    await desk.anger()
    await desk.escalate(team="leads")
    await desk.open_ticket(Ticket(ticket_id="7K3M"))

    assert [one.text for one in desk.replies] == [
        "a human comes: angry",
        "a human comes: rule",
        "your number is 7K3M",
    ]


async def test_an_event_that_comes_again_makes_nothing_twice() -> None:
    bot = ChatBot()
    events = []

    @bot.on_message
    async def answer(message: ChatMessage) -> None:
        events.append(message.event)
        await message.reply("one")
        await message.assign(skill="finance")
        await message.reply("two")

    desk = bot.testing()
    await desk.send("hello")
    await desk.happen(events[0])

    assert [one.text for one in desk.replies] == ["one", "two"]
    assert len(desk.transfers) == 1


async def test_what_a_handler_raises_is_raised_in_the_test() -> None:
    bot = ChatBot()

    @bot.on_message
    async def fail(_: ChatMessage) -> None:
        raise RuntimeError("as written")

    with pytest.raises(RuntimeError, match="as written"):
        await bot.testing().send("hello")


async def test_assign_wants_exactly_one_target() -> None:
    bot = ChatBot()

    @bot.on_message
    async def give(message: ChatMessage) -> None:
        await message.assign(skill="finance", team="night")

    with pytest.raises(ValueError, match="exactly one"):
        await bot.testing().send("hello")
