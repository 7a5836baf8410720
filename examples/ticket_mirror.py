"""Copies all tickets conversations ever had, as JSON lines, to a file: `python ticket_mirror.py tickets.jsonl`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from google.protobuf.json_format import MessageToJson
from yingda.bot import BotConfig, ChatBot, SyncChatTicket

target = os.environ.get("YINGDA_TARGET", "127.0.0.1:50051")
bot = ChatBot(BotConfig(bot_id="ticket-mirror", target=target, from_start=True))


@bot.on_ticket
def copy(ticket: SyncChatTicket) -> None:
    """One line per change; comments are left out."""
    if not ticket.comment:
        with Path(sys.argv[1]).open("a", encoding="utf-8") as lines:
            lines.write(MessageToJson(ticket.ticket, indent=None, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    bot.run()
