"""A program without asyncio: a bot in the background, and a customer who asks it something."""

from __future__ import annotations

import os
import queue

from yingda import SyncClient
from yingda.bot import BotConfig, ChatBot, SyncChatMessage
from yingda.v1.event_pb2 import Event

target = os.environ.get("YINGDA_TARGET", "127.0.0.1:50051")
bot = ChatBot(BotConfig(bot_id="ask-and-wait", target=target))
said: queue.Queue[str] = queue.Queue()


@bot.on_message
def answer(message: SyncChatMessage) -> None:
    message.reply(f"You said: {message.text}")


@bot.on_event("message_sent")
def hear(event: Event) -> None:
    if (event.message_sent.bot_id, event.message_sent.customer_id) == ("ask-and-wait", "walk-in"):
        said.put(event.message_sent.text)


with bot.background(), SyncClient(target) as client:
    client.send("Is anybody there?", customer_id="walk-in")
    print(said.get(timeout=30))
