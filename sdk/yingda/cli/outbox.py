"""`yingda outbox`: what other systems are to be told."""

from __future__ import annotations

import argparse

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group, between
from yingda.v1.rule_service_pb2 import DELIVERY_STATE_UNSPECIFIED, DeliveryState

_STATES = ("pending", "dead")


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "outbox",
        about="list what waits to be told to other systems, and try it again",
        example="yingda outbox list",
    )
    listing = actions.add(
        "list", _list, about="list deliveries, the oldest first", example="yingda outbox list --state dead"
    )
    listing.add_argument("--state", choices=_STATES, help="only those that stand so")
    listing.add_argument(
        "--limit", type=between(1, 1000), default=100, help="most to list, 1 to 1000 (default: %(default)s)"
    )
    requeue = actions.add(
        "requeue",
        _requeue,
        about="try dead deliveries again",
        example="yingda outbox requeue d-0f1e2d3c4b5a69788796a5b4",
    )
    requeue.add_argument("ids", metavar="ID", nargs="*", help="(default: all that are dead)")


def _list(args: argparse.Namespace) -> int:
    state = (
        DeliveryState.Value(f"DELIVERY_STATE_{args.state.upper()}")
        if args.state
        else DELIVERY_STATE_UNSPECIFIED
    )
    with connect(args) as client:
        found = client.deliveries(state, limit=args.limit)
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("id", "webhook", "tells", "state", "tries", "next", "last failure"),
        (
            (
                one.delivery_id,
                one.webhook,
                one.kind,
                DeliveryState.Name(one.state).removeprefix("DELIVERY_STATE_").lower(),
                str(one.attempts),
                render.moment(one.due_time) if one.HasField("due_time") else "",
                one.error,
            )
            for one in found
        ),
        empty="Nothing waits.",
    )
    return 0


def _requeue(args: argparse.Namespace) -> int:
    with connect(args) as client:
        count = client.requeue_deliveries(args.ids)
    if args.json:
        render.print_json({"requeued": count})
    else:
        print(f"{count} are tried again")
        if count < len(args.ids):
            render.note("the others are not dead, or are not there: see `yingda outbox list`")
    return 0
