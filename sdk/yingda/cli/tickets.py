"""`yingda tickets`: what has to be done after a conversation."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.errors import CommandError
from yingda.cli.options import Group, between, fact, span
from yingda.v1.ticket_pb2 import TICKET_STATE_UNSPECIFIED, Ticket, TicketComment, TicketState
from yingda.v1.ticket_service_pb2 import ListTicketsRequest

_STATES = ("open", "pending", "solved", "closed")


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "tickets", about="list, open, change and discuss tickets", example="yingda tickets list"
    )
    _add_list(actions)
    show = actions.add(
        "show",
        _show,
        about="show a ticket and what was said about it",
        example="yingda tickets show 7K3M9Q2X",
    )
    show.add_argument("ticket_id", metavar="NUMBER")
    opening = actions.add(
        "open",
        _open,
        about="open a ticket",
        example="yingda tickets open 'call back' --assignee mei --due 4h --fact order_id=A1001",
    )
    opening.add_argument("title", metavar="TITLE")
    opening.add_argument("--conversation", metavar="ID", default="", help="where it comes from")
    _add_fields(opening)
    update = actions.add(
        "update", _update, about="change a ticket", example="yingda tickets update 7K3M9Q2X --state solved"
    )
    update.add_argument("ticket_id", metavar="NUMBER")
    update.add_argument("--title", help="what it is about")
    update.add_argument("--state", choices=_STATES, help="where it stands")
    _add_fields(update)
    delete = actions.add(
        "delete",
        _delete,
        about="delete a ticket for good; that it was, by whom and why stays in the journal",
        example="yingda tickets delete 7K3M9Q2X --by mei --reason 'opened by mistake' --yes",
    )
    delete.add_argument("ticket_id", metavar="NUMBER")
    delete.add_argument("--by", default="", metavar="AGENT", help="who deletes it")
    delete.add_argument("--reason", default="", help="why; it stays, so it should say nothing personal")
    delete.add_argument("--yes", action="store_true", help="say that you mean it: nothing brings it back")
    comment = actions.add(
        "comment",
        _comment,
        about="say something about a ticket",
        example="yingda tickets comment 7K3M9Q2X 'parcel is back' --author mei",
    )
    comment.add_argument("ticket_id", metavar="NUMBER")
    comment.add_argument("text", metavar="TEXT")
    comment.add_argument("--author", default="", help="who says it")
    comment.add_argument("--public", action="store_true", help="the customer may read it")


def _add_list(actions: Group) -> None:
    listing = actions.add(
        "list",
        _list,
        about="list tickets, the newest first",
        example="yingda tickets list --state open --overdue",
    )
    listing.add_argument("--state", choices=_STATES, help="only those that stand so")
    listing.add_argument("--assignee", default="", metavar="AGENT", help="only this one's")
    listing.add_argument("--conversation", default="", metavar="ID", help="only those of this conversation")
    listing.add_argument("--overdue", action="store_true", help="only those that should be done by now")
    listing.add_argument(
        "--limit", type=between(1, 1000), default=100, help="most to list, 1 to 1000 (default: %(default)s)"
    )


def _add_fields(command: argparse.ArgumentParser) -> None:
    command.add_argument("--assignee", metavar="AGENT", help="who does it")
    command.add_argument("--team", help="the team it is for")
    command.add_argument("--priority", type=between(0, 10), help="0 (ordinary) to 10 (most urgent)")
    command.add_argument("--due", type=span, metavar="SPAN", help="from now, such as 30m, 4h or 2d")
    command.add_argument("--tag", dest="tags", action="append", default=[], help="may be given several times")
    command.add_argument(
        "--fact",
        dest="facts",
        type=fact,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is known of the order or the customer",
    )


def _list(args: argparse.Namespace) -> int:
    wanted = ListTicketsRequest(
        state=_state(args.state),
        assignee_id=args.assignee,
        conversation_id=args.conversation,
        overdue=args.overdue,
    )
    with connect(args) as client:
        found = client.tickets(wanted, limit=args.limit)
    if args.json:
        render.print_messages(found)
    else:
        _print(found)
    return 0


def _show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        ticket = client.ticket(args.ticket_id)
        said = client.ticket_comments(args.ticket_id)
    if args.json:
        whole = {"ticket": render.as_json(ticket), "comments": [render.as_json(one) for one in said]}
        render.print_json(whole)
        return 0
    render.print_pairs(_pairs(ticket))
    if said:
        render.print_table(
            ("#", "time", "author", "text"),
            ((str(one.number), render.moment(one.create_time), one.author, one.text) for one in said),
            empty="",
        )
    return 0


def _open(args: argparse.Namespace) -> int:
    ticket = Ticket(title=args.title, conversation_id=args.conversation)
    _fill(ticket, args)
    with connect(args) as client:
        _print_one(client.open_ticket(ticket), as_json=args.json)
    return 0


def _update(args: argparse.Namespace) -> int:
    with connect(args) as client:
        ticket = client.ticket(args.ticket_id)
        ticket.title = args.title or ticket.title
        ticket.state = _state(args.state) if args.state else ticket.state
        _fill(ticket, args)
        _print_one(client.update_ticket(ticket), as_json=args.json)
    return 0


def _delete(args: argparse.Namespace) -> int:
    if not args.yes:
        raise CommandError("this cannot be undone: say --yes if you mean it")
    with connect(args) as client:
        client.delete_ticket(args.ticket_id, agent_id=args.by, reason=args.reason)
    if args.json:
        render.print_json({"ticket_id": args.ticket_id})
    else:
        print(f"{args.ticket_id} is deleted")
    return 0


def _comment(args: argparse.Namespace) -> int:
    comment = TicketComment(author=args.author, text=args.text, is_public=args.public)
    with connect(args) as client:
        said = client.comment_ticket(args.ticket_id, comment)
    if args.json:
        render.print_json(render.as_json(said))
    else:
        print(f"{args.ticket_id} #{said.number} is kept")
    return 0


def _fill(ticket: Ticket, args: argparse.Namespace) -> None:
    """What the options say; the rest stays."""
    for field, value in (("assignee_id", args.assignee), ("team", args.team), ("priority", args.priority)):
        if value is not None:
            setattr(ticket, field, value)
    if args.due is not None:
        ticket.due_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=args.due))
    ticket.tags.extend(one for one in args.tags if one not in ticket.tags)
    ticket.facts.update(dict(args.facts))


def _state(name: str | None) -> TicketState.ValueType:
    return TicketState.Value(f"TICKET_STATE_{name.upper()}") if name else TICKET_STATE_UNSPECIFIED


def _state_name(number: TicketState.ValueType) -> str:
    return TicketState.Name(number).removeprefix("TICKET_STATE_").lower()


def _pairs(one: Ticket) -> Iterable[tuple[str, str]]:
    yield "number", one.ticket_id
    yield "title", one.title
    yield "state", _state_name(one.state)
    yield "priority", str(one.priority)
    for name, value in (
        ("assignee", one.assignee_id),
        ("team", one.team),
        ("customer", one.customer_id),
        ("conversation", one.conversation_id),
        ("rule", one.rule_id),
        ("tags", ", ".join(one.tags)),
        ("elsewhere", one.external_id),
    ):
        if value:
            yield name, value
    yield "opened", render.moment(one.create_time)
    if one.HasField("due_time"):
        yield "due", render.moment(one.due_time)
    yield from sorted(one.facts.items())


def _print_one(ticket: Ticket, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.as_json(ticket))
    else:
        _print([ticket])


def _print(tickets: Iterable[Ticket]) -> None:
    render.print_table(
        ("number", "state", "priority", "assignee", "due", "title"),
        (
            (
                one.ticket_id,
                _state_name(one.state),
                str(one.priority),
                one.assignee_id,
                render.moment(one.due_time) if one.HasField("due_time") else "",
                one.title,
            )
            for one in tickets
        ),
        empty="No such tickets.",
    )
