"""`yingda replies`: the tenant's canned replies."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from rich.text import Text

from yingda.cli import auto_replies, render, reply_book
from yingda.cli.connection import connect
from yingda.cli.options import Group
from yingda.v1.reply_pb2 import Reply


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest("replies", about="list and change canned replies", example="yingda replies list")
    _add_list(actions)
    _add_put(actions)
    delete = actions.add(
        "delete", _delete, about="remove a canned reply", example="yingda replies delete return-zh"
    )
    delete.add_argument("reply_id", metavar="ID")
    reply_book.add(actions)
    auto_replies.add(actions)


def _add_list(actions: Group) -> None:
    listing = actions.add(
        "list",
        _list,
        about="list canned replies",
        example="yingda replies list --intent refund.status --language zh",
    )
    listing.add_argument("--intent", help="only those of this intent")
    listing.add_argument("--language", choices=("zh", "en"), help="only those in this language")


def _add_put(actions: Group) -> None:
    put = actions.add(
        "put",
        _put,
        about="create or replace a canned reply",
        example="yingda replies put late-zh --language zh --text '您的订单 {order_id} 在路上了'",
    )
    put.add_argument("reply_id", metavar="ID", help="1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
    put.add_argument("--language", choices=("zh", "en"), required=True, help="what it is written in")
    put.add_argument("--text", required=True, help="what is sent; {name} is a slot, {{ and }} are braces")
    put.add_argument("--intent", default="", help="the intent it answers (default: any)")
    put.add_argument("--title", default="", help="a short name for the agent's list")


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = [
            one
            for one in client.replies()
            if args.intent in (None, one.intent) and args.language in (None, one.language)
        ]
    if args.json:
        render.print_messages(found)
    else:
        _print(found)
    return 0


def _put(args: argparse.Namespace) -> int:
    reply = Reply(
        reply_id=args.reply_id, language=args.language, text=args.text, intent=args.intent, title=args.title
    )
    with connect(args) as client:
        kept = client.put_reply(reply)
    if args.json:
        render.print_json(render.as_json(kept))
    else:
        _print([kept])
    return 0


def _delete(args: argparse.Namespace) -> int:
    with connect(args) as client:
        client.delete_reply(args.reply_id)
    if args.json:
        render.print_json({"deleted": args.reply_id})
    else:
        print(f"{args.reply_id} is deleted")
    return 0


def _print(replies: Iterable[Reply]) -> None:
    render.print_table(
        ("id", "intent", "language", "text"),
        ((one.reply_id, one.intent or "any", one.language, _text(one)) for one in replies),
        empty="No such replies: add one with `yingda replies put`.",
    )


def _text(reply: Reply) -> Text:
    """What is sent, under its short name."""
    return render.lines(render.cell(reply.title, "dim"), render.cell(reply.text))
