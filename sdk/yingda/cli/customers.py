"""`yingda customers`: what the tenant's systems know of customers, and what fetching it ahead is good for."""

from __future__ import annotations

import argparse

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group, between, channel
from yingda.v1.customer_pb2 import Customer
from yingda.v1.customer_service_pb2 import ReportPreloadResponse


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "customers",
        about="see what is known of customers, and what fetching it ahead is good for",
        example="yingda customers show wx-17 --channel wechat",
    )
    show = actions.add(
        "show",
        _show,
        about="show what the tenant's systems know of a customer",
        example="yingda customers show wx-17 --channel wechat",
    )
    show.add_argument("customer_id", metavar="ID")
    show.add_argument(
        "--channel", type=channel, default=channel("web"), help="where the customer writes (default: web)"
    )
    activity = actions.add(
        "activity",
        _activity,
        about="show what a customer did beside writing, the newest first",
        example="yingda customers activity wx-17 --channel wechat --limit 20",
    )
    activity.add_argument("customer_id", metavar="ID")
    activity.add_argument(
        "--channel", type=channel, default=channel("web"), help="where the customer writes (default: web)"
    )
    activity.add_argument(
        "--limit", type=between(1, 1000), default=100, help="most to list, 1 to 1000 (default: %(default)s)"
    )
    actions.add(
        "report",
        _report,
        about="show how often data was there when an agent came, and how long nobody had to wait",
        example="yingda customers report --json",
    )


def _show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.customer(args.customer_id, channel=args.channel)
    if args.json:
        render.print_json(render.as_json(found))
    else:
        _print(found)
    return 0


def _print(found: Customer) -> None:
    render.print_table(
        ("fact", "value"), sorted(found.facts.items()), empty=f"Nothing is known of {found.customer_id}."
    )
    if found.orders:
        render.print_table(
            ("order", "status", "of", "what"),
            (
                (one.order_id, one.status, render.moment(one.order_time), _facts(dict(one.facts)))
                for one in found.orders
            ),
            empty="",
        )
    if found.contacts:
        render.print_table(
            ("conversation", "about", "status", "since"),
            (
                (one.conversation_id, one.about, one.status, render.moment(one.open_time))
                for one in found.contacts
            ),
            empty="",
        )
    if found.failed_sources:
        render.note(f"did not answer: {', '.join(found.failed_sources)}")


def _activity(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.activity(args.customer_id, channel=args.channel, limit=args.limit)
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("time", "what", "of", "more"),
        ((render.moment(one.time), render.activity_name(one.kind), one.subject, one.detail) for one in found),
        empty=f"Nothing was recorded of {args.customer_id}.",
    )
    return 0


def _facts(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(facts.items()) if name != "order_id")


def _report(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.preload_report()
    if args.json:
        render.print_json(render.as_json(found))
    else:
        _print_report(found)
    return 0


def _print_report(found: ReportPreloadResponse) -> None:
    saved, waited = found.saved.ToMilliseconds() / 1000, found.waited.ToMilliseconds() / 1000
    render.note(
        f"{found.shown} times an agent came to see a customer; {found.ready} times all was there"
        f" ({found.hit_rate:.0%}). Agents did not wait for {saved:.1f} s, and waited for {waited:.1f} s."
    )
    render.print_table(
        ("source", "answered", "failed", "too late", "spared", "mean ms"),
        (
            (
                one.name,
                str(one.answered),
                str(one.failed),
                str(one.timed_out),
                str(one.refused),
                str(one.mean_latency.ToMilliseconds()) if one.answered else "",
            )
            for one in found.sources
        ),
        empty="No source was asked yet.",
    )
