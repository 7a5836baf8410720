"""`yingda bots`: who follows the journal, and how far behind."""

from __future__ import annotations

import argparse

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest("bots", about="see and forget bots", example="yingda bots list")
    actions.add(
        "list", _list, about="list the bots and how far behind each is", example="yingda bots list --json"
    )
    forget = actions.add(
        "forget",
        _forget,
        about="forget where a bot stands; should it come again, it begins anew",
        example="yingda bots forget greeter",
    )
    forget.add_argument("bot_id", metavar="BOT")


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.bots()
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("bot", "connected", "done up to", "behind since"),
        (
            (
                one.bot_id,
                "yes" if one.is_connected else "no",
                str(one.acknowledged_sequence),
                render.moment(one.behind_since_time) if one.HasField("behind_since_time") else "",
            )
            for one in found
        ),
        empty="No bots yet.",
    )
    return 0


def _forget(args: argparse.Namespace) -> int:
    with connect(args) as client:
        client.delete_bot(args.bot_id)
    render.note(f"{args.bot_id} is forgotten")
    return 0
