"""`yingda conversations`: what stands where, and what happened in it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from rich.text import Text

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group, between
from yingda.v1.conversation_pb2 import CONVERSATION_STATE_UNSPECIFIED, Conversation, ConversationState
from yingda.v1.event_pb2 import Event, MessageReceived

_STATES = ("waiting", "assigned", "closed")


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "conversations", about="look into conversations and close them", example="yingda conversations list"
    )
    _add_list(actions)
    for name, run, about in (
        ("show", _show, "show where a conversation stands"),
        ("events", _events, "show all that happened in a conversation, oldest first"),
        ("close", _close, "close a conversation; its place goes to who waits longest"),
    ):
        action = actions.add(
            name, run, about=about, example=f"yingda conversations {name} c-0f1e2d3c4b5a69788796"
        )
        action.add_argument("conversation_id", metavar="ID")


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
    with connect(args) as client:
        _print_one(client.conversation(args.conversation_id), as_json=args.json)
    return 0


def _close(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print_one(client.close_conversation(args.conversation_id), as_json=args.json)
    return 0


def _events(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.events(args.conversation_id)
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("time", "event", "what"),
        ((render.moment(one.create_time), _kind(one), _what(one)) for one in found),
        empty="Nothing happened yet.",
    )
    return 0


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


def _kind(event: Event) -> str:
    return (event.WhichOneof("kind") or "of a newer release").replace("_", " ")


def _what(event: Event) -> Text:
    match event.WhichOneof("kind"):
        case "message_received":
            return _message(event.message_received)
        case "conversation_assigned":
            assignment = event.conversation_assigned.assignment
            return render.lines(render.owner(assignment), render.cell(assignment.reason))
        case "conversation_closed":
            agent_id = event.conversation_closed.agent_id
            return render.cell(f"taken from {agent_id}" if agent_id else "was waiting")
        case _:
            return render.cell("")


def _message(received: MessageReceived) -> Text:
    analysis, assignment = received.answer.analysis, received.answer.assignment
    return render.lines(
        render.cell(received.message.text),
        render.cell(f"{analysis.intent} {analysis.confidence:.2f}, ") + render.mood(analysis),
        render.owner(assignment) + render.cell(f": {assignment.reason}"),
    )
