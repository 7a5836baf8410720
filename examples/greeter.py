"""Answers a greeting, and sends the best ready reply where the engine is sure and nothing is left to fill in."""

from __future__ import annotations

import os

from yingda.bot import BotConfig, ChatBot, ChatMessage

bot = ChatBot(BotConfig(bot_id="greeter", target=os.environ.get("YINGDA_TARGET", "127.0.0.1:50051")))
SURE = 0.9  # a calibrated probability


@bot.on_message
async def answer(message: ChatMessage) -> None:
    """Leave what is not certain to the humans."""
    if message.is_angry or message.confidence < SURE:
        return
    if message.intent == "chat.greeting":
        await message.reply(
            "您好！请问有什么可以帮您？" if message.language == "zh" else "Hello! How can we help?"
        )
    elif ready := [one for one in message.suggestions if not one.slots]:
        await message.reply_with(ready[0])


if __name__ == "__main__":
    bot.run()
