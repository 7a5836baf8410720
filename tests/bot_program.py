"""A bot in a process of its own: notes every message it handles in a file, and answers it."""

from __future__ import annotations

import os
import sys

from yingda.bot import BotConfig, ChatBot, ChatMessage, ChatTicket

BOT_ID = "noter"


def main(target: str, path: str) -> None:
    """Run until it is killed."""
    notes = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    bot = ChatBot(BotConfig(target=target, tenant="shop", bot_id=BOT_ID, from_start=True, timeout=30))

    @bot.on_message
    async def note(message: ChatMessage) -> None:
        os.write(notes, f"{message.conversation_id} {message.message_id}\n".encode())
        await message.reply(f"heard {message.message_id}")

    @bot.on_ticket
    async def note_ticket(ticket: ChatTicket) -> None:
        os.write(notes, f"{ticket.conversation_id} ticket:{ticket.ticket.ticket_id}\n".encode())

    bot.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
