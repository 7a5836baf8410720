"""`yingda chat`: write as a customer, see what the agent's side would show."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import time
import uuid
from collections.abc import Iterator

from rich.text import Text

from yingda.cli import render
from yingda.cli.connection import connect, failure
from yingda.cli.errors import UnreachableError
from yingda.cli.options import Group, channel, channel_names
from yingda.errors import YingdaError
from yingda.v1.answer_pb2 import MessageAnswer
from yingda.v1.message_pb2 import CHANNEL_WEB


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "chat",
        _run,
        about="write as a customer; each line is a message",
        example="yingda chat --channel wechat --customer wang",
    )
    command.add_argument(
        "--channel",
        type=channel,
        default=CHANNEL_WEB,
        help=f"where the customer writes (default: web): {', '.join(channel_names())}",
    )
    command.add_argument("--customer", metavar="ID", help="who writes (default: somebody new)")


def _run(args: argparse.Namespace) -> int:
    customer_id = args.customer or f"chat-{uuid.uuid4().hex[:8]}"
    failed = False
    with connect(args) as client:
        client.conversations(limit=1)  # a wrong target, tenant or token shows before anything is typed
        if sys.stdin.isatty() and not args.json:
            print(f"You are customer {customer_id}. /quit or Ctrl-D ends.")
        for text in _typed():
            started = time.perf_counter()
            try:
                answer = client.send(text, channel=args.channel, customer_id=customer_id)
            except YingdaError as error:
                failed = True
                _report(args.target, error)
                continue
            _show(text, answer, time.perf_counter() - started, as_json=args.json)
    return int(failed)


def _typed() -> Iterator[str]:
    """Lines that say something, until /quit or the end."""
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            importlib.import_module("readline")  # makes input() editable, where Python has it
    while True:
        try:
            text = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            if sys.stdin.isatty():
                print()  # the prompt's line ends where Ctrl-D was typed
            return
        if text == "/quit":
            return
        if text:
            yield text


def _report(target: str, error: YingdaError) -> None:
    """A message that was refused ends nothing; a gateway that has gone does."""
    problem = failure(target, error)
    if isinstance(problem, UnreachableError):
        raise problem
    render.note(str(problem))


def _show(text: str, answer: MessageAnswer, seconds: float, *, as_json: bool) -> None:
    if as_json:
        render.print_json_line({"text": text, "answer": render.as_json(answer)})
        return
    console = render.console()
    if not sys.stdin.isatty():
        console.print(render.cell(f"> {text}"), soft_wrap=True)
    for line in _lines(answer, seconds):
        console.print(
            "  ", line, sep="", soft_wrap=True
        )  # wrapped by the terminal, between any two characters


def _lines(answer: MessageAnswer, seconds: float) -> Iterator[Text]:
    analysis, assignment = answer.analysis, answer.assignment
    intent = render.cell(f"{analysis.intent} {analysis.confidence:.2f}", "cyan")
    yield Text.assemble(intent, " · ", render.mood(analysis), f" · {seconds * 1000:.0f} ms")
    yield Text.assemble("→ ", render.owner(assignment), render.cell(f": {assignment.reason}", "dim"))
    if answer.auto_reply.text:
        yield render.cell(f"← {answer.auto_reply.text}", "green")
    for number, suggestion in enumerate(answer.suggestions, start=1):
        yield render.cell(f"{number}. {suggestion.text}")
