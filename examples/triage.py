"""Gives angry customers to the complaint desk, and tells on the console when a human should look."""

from __future__ import annotations

import os

from yingda.bot import BotConfig, ChatAssignment, ChatBot, ChatEscalation, ChatMessage

bot = ChatBot(BotConfig(bot_id="triage", target=os.environ.get("YINGDA_TARGET", "127.0.0.1:50051")))


@bot.on_message
async def look(message: ChatMessage) -> None:
    """Whoever is angry and still waits goes to those who know how to take it."""
    if message.is_angry and not message.agent_id:
        await message.assign(skill="complaint")


@bot.on_assignment
async def tell(given: ChatAssignment) -> None:
    print(given.conversation_id, "->", given.agent_id, flush=True)


@bot.on_escalation
async def call(escalation: ChatEscalation) -> None:
    print(escalation.conversation_id, "needs a human:", escalation.reason, flush=True)


if __name__ == "__main__":
    bot.run()
