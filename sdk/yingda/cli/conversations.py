"""`yingda conversations`: what stands where, and what happened in it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from yingda.cli import export, happening, render
from yingda.cli.connection import connect, look_back
from yingda.cli.export import span_options
from yingda.cli.moment import HELP, moment
from yingda.cli.options import Group, between
from yingda.journal_client import JournalClient
from yingda.v1.conversation_pb2 import CONVERSATION_STATE_UNSPECIFIED, Conversation, ConversationState
from yingda.v1.event_pb2 import Event

_STATES = ("waiting", "offered", "assigned", "wrapping", "closed")


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "conversations",
        about="look into conversations, give them on and close them",
        example="yingda conversations list",
    )
    _add_list(actions)
    _add_show(actions)
    _add_events(actions)
    export.add(actions)
    for name, run, about in (
        ("close", _close, "close a conversation; its place goes to who waits longest"),
        ("complete", _complete, "end the wrap-up of a closed conversation and free its place"),
    ):
        action = actions.add(
            name, run, about=about, example=f"yingda conversations {name} c-0f1e2d3c4b5a69788796"
        )
        action.add_argument("conversation_id", metavar="ID")
    _add_transfer(actions)
    _add_join(actions)


def _add_show(actions: Group) -> None:
    show = actions.add(
        "show",
        _show,
        about="show where a conversation stands, or stood",
        example="yingda conversations show c-0f1e2d3c4b5a69788796 --as-of 14:30",
    )
    show.add_argument("conversation_id", metavar="ID")
    show.add_argument("--as-of", type=moment, metavar="TIME", help=f"as it stood at {HELP}")


def _add_events(actions: Group) -> None:
    events = actions.add(
        "events",
        _events,
        about="show all that happened in a conversation, oldest first",
        example="yingda conversations events c-0f1e2d3c4b5a69788796 --since 2h",
    )
    events.add_argument("conversation_id", metavar="ID")
    span_options(events)


def _add_transfer(actions: Group) -> None:
    transfer = actions.add(
        "transfer",
        _transfer,
        about="give a conversation to another agent, team or skill; it keeps its age",
        example="yingda conversations transfer c-0f1e2d3c4b5a69788796 --team night",
    )
    transfer.add_argument("conversation_id", metavar="ID")
    target = transfer.add_mutually_exclusive_group(required=True)
    target.add_argument("--agent", dest="agent_id", default="", metavar="AGENT", help="whatever the skill")
    target.add_argument("--team", default="", help="to an agent of this team")
    target.add_argument("--skill", default="", help="to an agent with this skill")


def _add_join(actions: Group) -> None:
    join = actions.add(
        "join",
        _join,
        about="let a further agent take part beside the owner",
        example="yingda conversations join c-0f1e2d3c4b5a69788796 lin",
    )
    join.add_argument("conversation_id", metavar="ID")
    join.add_argument("agent_id", metavar="AGENT")


def _add_list(actions: Group) -> None:
    listing = actions.add(
        "list",
        _list,
        about="list conversations, the newest first",
        example="yingda conversations list --state waiting",
    )
    listing.add_argument("--state", choices=_STATES, help="only those that stand so")
    listing.add_argument(
        "--limit", type=between(1, 1000), default=100, help="most to list, 1 to 1000 (default: %(default)s)"
    )


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.conversations(_state(args.state), limit=args.limit)
    if args.json:
        render.print_messages(found)
    else:
        _print(found)
    return 0


def _show(args: argparse.Namespace) -> int:
    if args.as_of:
        found = look_back(args, lambda client: client.conversation_at(args.conversation_id, args.as_of))
        _print_one(found, as_json=args.json)
        return 0
    with connect(args) as client:
        _print_one(client.conversation(args.conversation_id), as_json=args.json)
    return 0


def _close(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print_one(client.close_conversation(args.conversation_id), as_json=args.json)
    return 0


def _complete(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print_one(client.complete(args.conversation_id), as_json=args.json)
    return 0


def _join(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print_one(client.join(args.conversation_id, args.agent_id), as_json=args.json)
    return 0


def _transfer(args: argparse.Namespace) -> int:
    with connect(args) as client:
        done = client.transfer(args.conversation_id, agent_id=args.agent_id, team=args.team, skill=args.skill)
    if args.json:
        render.print_json(render.as_json(done))
    else:
        _print([done.conversation])
        render.note(done.assignment.reason)
    return 0


def _events(args: argparse.Namespace) -> int:
    found = look_back(args, lambda client: _listed(client, args))
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("time", "event", "what"),
        ((render.moment(one.create_time), happening.kind(one), happening.what(one)) for one in found),
        empty="Nothing happened yet.",
    )
    return 0


async def _listed(client: JournalClient, args: argparse.Namespace) -> list[Event]:
    pages = client.journal(args.conversation_id, start=args.since, end=args.until, kinds=args.kind)
    return [one async for page in pages for one in page]


def _state(name: str | None) -> ConversationState.ValueType:
    return (
        ConversationState.Value(f"CONVERSATION_STATE_{name.upper()}")
        if name
        else CONVERSATION_STATE_UNSPECIFIED
    )


def _print_one(conversation: Conversation, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.as_json(conversation))
    else:
        _print([conversation])


def _print(conversations: Iterable[Conversation]) -> None:
    render.print_table(
        ("id", "channel", "customer", "state", "agent", "skill", "since"),
        (
            (
                one.conversation_id,
                render.channel_name(one.channel),
                one.customer_id,
                render.state_name(one.state),
                one.agent_id,
                one.skill,
                render.moment(one.create_time),
            )
            for one in conversations
        ),
        empty="No such conversations.",
    )
