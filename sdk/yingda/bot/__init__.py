"""Write a bot: a program that follows what customers say and what becomes of it, and acts.

bot = ChatBot(BotConfig(bot_id="greeter"))

@bot.on_message
async def greet(message: ChatMessage) -> None:
    await message.reply("Hello!")

bot.run()
"""

from __future__ import annotations

from yingda.bot.chat_bot import ChatBot
from yingda.bot.config import BotConfig
from yingda.bot.facts import EscalationReason
from yingda.bot.happening import ChatAssignment, ChatEscalation, ChatMessage, ChatTicket
from yingda.bot.sync_happening import (
    SyncChatAssignment,
    SyncChatEscalation,
    SyncChatMessage,
    SyncChatTicket,
)
from yingda.bot.tester import BotTester

__all__ = [
    "BotConfig",
    "BotTester",
    "ChatAssignment",
    "ChatBot",
    "ChatEscalation",
    "ChatMessage",
    "ChatTicket",
    "EscalationReason",
    "SyncChatAssignment",
    "SyncChatEscalation",
    "SyncChatMessage",
    "SyncChatTicket",
]
