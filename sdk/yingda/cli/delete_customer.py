"""`yingda delete-customer`: take a customer's words out of everything that is kept."""

from __future__ import annotations

import argparse

from yingda.cli import options, render
from yingda.cli.connection import look_back
from yingda.cli.errors import CommandError
from yingda.cli.options import Group
from yingda.v1.message_pb2 import CHANNEL_UNSPECIFIED

_PATIENCE = 600.0  # seconds; the store is looked through byte by byte


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "delete-customer",
        _run,
        about="take a customer's words out of journal, tickets and what was learned, for good, and look for them",
        example="yingda delete-customer cu-4711 --channel wechat --yes",
    )
    command.add_argument("customer_id", metavar="CUSTOMER", help="the channel's own id of the customer")
    command.add_argument(
        "--channel",
        type=options.channel,
        default=CHANNEL_UNSPECIFIED,
        help="only there (default: everywhere)",
    )
    command.add_argument(
        "--rewrite-files",
        action="store_true",
        help="tell a Redis that keeps files to write them anew (BGREWRITEAOF, BGSAVE): they hold what was taken out",
    )
    command.add_argument("--yes", action="store_true", help="say that you mean it: nothing brings it back")


def _run(args: argparse.Namespace) -> int:
    if not args.yes:
        raise CommandError("this cannot be undone: say --yes if you mean it")
    done = look_back(
        args,
        lambda client: client.delete_customer(
            args.customer_id, args.channel, rewrite_files=args.rewrite_files
        ),
        timeout=_PATIENCE,
    )
    if args.json:
        render.print_json(render.as_json(done))
    else:
        render.print_pairs(
            [
                ("conversations", str(done.conversation_count)),
                ("events rewritten", str(done.event_count)),
                ("texts looked for", str(done.text_count)),
                ("still there", str(done.remaining_count)),
                *(("writes its files anew", one) for one in done.rewriting),
            ]
        )
    if done.remaining_count:
        render.note("others wrote the same, or a reply says it: what this customer wrote is gone")
    return 0
