"""Runs bots beside a test, against a real gateway and engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from yingda.bot import ChatBot
from yingda.bot_client import BotClient

PATIENCE = 20.0  # seconds


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is."""
    for _ in range(round(PATIENCE / 0.02)):
        if await is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become so")


@asynccontextmanager
async def running(bot: ChatBot, client: BotClient) -> AsyncIterator[None]:
    """The bot, connected; it has stopped, and all its acknowledgements are kept, when the block has ended."""
    serving = asyncio.create_task(bot.serve())

    async def is_connected() -> bool:
        if serving.done():
            serving.result()
        return any(one.bot_id == bot.config.bot_id and one.is_connected for one in await client.bots())

    try:
        await until(is_connected)
        yield
    finally:
        bot.stop()
        await asyncio.wait_for(serving, PATIENCE)


async def said(client: BotClient, conversation_id: str) -> list[str]:
    """What was written to the customer."""
    events = await client.events(conversation_id)
    return [one.message_sent.text for one in events if one.HasField("message_sent")]
