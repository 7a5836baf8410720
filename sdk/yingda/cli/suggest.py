"""`yingda suggest`: canned replies for what an agent typed or a customer wrote."""

from __future__ import annotations

import argparse

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group, between


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "suggest",
        _run,
        about="list the canned replies that fit best",
        example="yingda suggest 'where is my refund' --limit 5",
    )
    command.add_argument("text", metavar="TEXT", help="what was typed so far; one character is enough")
    command.add_argument(
        "--conversation", metavar="ID", default="", help="the open conversation, to weigh what it is about"
    )
    command.add_argument(
        "--language", choices=("zh", "en"), default="", help="of the replies (default: the text's)"
    )
    command.add_argument(
        "--limit", type=between(1, 20), default=3, help="most to list, 1 to 20 (default: %(default)s)"
    )


def _run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.suggest(
            args.text, conversation_id=args.conversation, language=args.language, limit=args.limit
        )
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("reply", "score", "text"),
        ((one.reply_id, f"{one.score:.2f}", one.text) for one in found),
        empty="No reply fits: add some with `yingda replies put`.",
    )
    return 0
