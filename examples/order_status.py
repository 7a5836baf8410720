"""Looks an order up by the number in the message: a plain function, as one would write it over a database."""

from __future__ import annotations

import os
import re

from yingda.bot import BotConfig, ChatBot, SyncChatMessage

ORDERS = {"A1001": "was sent on Monday and is with the carrier", "A1002": "is being packed"}
bot = ChatBot(BotConfig(bot_id="order-status", target=os.environ.get("YINGDA_TARGET", "127.0.0.1:50051")))


@bot.on_message
def answer(message: SyncChatMessage) -> None:
    """Only where a number is named that we know."""
    for number in re.findall(r"A\d{4}", message.text):
        if number in ORDERS:
            message.reply(f"Your order {number} {ORDERS[number]}.")


if __name__ == "__main__":
    bot.run()
