"""`yingda route`: who would get a message or a conversation, and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.text import Text

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.errors import CommandError
from yingda.cli.options import Group
from yingda.v1.assignment_pb2 import AssignmentCandidate
from yingda.v1.conversation_service_pb2 import ExplainAssignmentResponse


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "route",
        _run,
        about="show who would get a message or a conversation; nothing is kept and nobody is assigned",
        example="yingda route '我的快递到哪了' --explain",
    )
    command.add_argument("text", metavar="TEXT", nargs="?", default="", help="what the customer would write")
    command.add_argument(
        "--conversation", default="", metavar="ID", help="one that exists, instead of a text"
    )
    command.add_argument("--explain", action="store_true", help="show how every agent stood")


def _run(args: argparse.Namespace) -> int:
    if bool(args.text) == bool(args.conversation):
        raise CommandError("give a text or --conversation ID, one of both")
    with connect(args) as client:
        found = client.explain(args.text, conversation_id=args.conversation)
    if args.json:
        render.print_json(render.as_json(found))
        return 0
    _print_decision(found)
    if args.explain:
        print()
        render.print_table(
            ("agent", "score", "made of, or why not"),
            map(_candidate, found.candidates),
            empty="The tenant has no agents.",
        )
    return 0


def _print_decision(found: ExplainAssignmentResponse) -> None:
    analysis, assignment = found.analysis, found.assignment
    likely = ", ".join(f"{one.intent} {one.confidence:.2f}" for one in analysis.candidates)
    rows: Sequence[tuple[str, str | Text]] = (
        ("intent", f"{analysis.intent} {analysis.confidence:.2f}"),
        ("likeliest", likely),
        ("mood", render.mood(analysis)),
        ("language", analysis.language),
        ("skill", assignment.skill),
        ("agent", render.owner(assignment)),
        ("why", assignment.reason),
        ("relaxed", f"{assignment.relaxation} of 4 steps"),
        ("versions", f"bundle {analysis.bundle_id}, policy {assignment.policy_version}"),
    )
    render.print_pairs(rows)


def _candidate(one: AssignmentCandidate) -> Sequence[str | Text]:
    name = f"{one.agent_name} ({one.agent_id})"
    if one.exclusion:
        return name, "", render.cell(one.exclusion.replace("_", " "), "dim")
    return name, f"{one.score:.2f}", render.terms(one.terms)
