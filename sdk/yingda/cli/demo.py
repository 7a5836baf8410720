"""`yingda demo`: everything at once, on a made-up morning of a help desk."""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from yingda.cli import demo_script, demo_table, hints, log, render
from yingda.cli.demo_script import Line
from yingda.cli.demo_table import Handover, Row
from yingda.cli.errors import CommandError
from yingda.cli.options import Group, between
from yingda.cli.services import Pair, Plan, Voice, serving
from yingda.cli.step import step
from yingda.cli.supervisor import cancel_on_signals, keep_running
from yingda.cli.team import put_online, sample_team
from yingda.client import Client
from yingda.errors import YingdaError
from yingda.v1.assignment_pb2 import (
    ASSIGNMENT_OUTCOME_ASSIGNED,
    ASSIGNMENT_OUTCOME_QUEUED,
    ASSIGNMENT_OUTCOME_UNSPECIFIED,
    AssignmentOutcome,
)

_OWN_SETTINGS = ("YINGDA_ENGINE__", "YINGDA_GATEWAY__")


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "demo",
        _run,
        about="start everything on data of its own, send some messages, show what comes back",
        example="yingda demo --ci",
        asks=False,
    )
    command.add_argument(
        "--ci", action="store_true", help="end after the table; the exit code says whether all were answered"
    )
    command.add_argument(
        "--port", type=between(0, 65535), default=0, help="where the gateway listens (default: a free port)"
    )


def _run(args: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="yingda-demo-") as folder:
        plan = Plan(
            data_dir=Path(folder),
            environ=_environ(os.environ),
            listen=f"127.0.0.1:{args.port}",
            sample_customers=True,
        )
        return asyncio.run(_demo(plan, ends=args.ci))


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Without settings that were meant for other services than the demo's."""
    return {name: value for name, value in environ.items() if not name.startswith(_OWN_SETTINGS)}


async def _demo(plan: Plan, *, ends: bool) -> int:
    cancel_on_signals()
    try:
        async with serving(plan, Voice(log=log.show_trouble, say=render.note, step=step)) as pair:
            await keep_running(pair.all, _show(pair, ends=ends))
    except asyncio.CancelledError:
        render.note("stopped")
    return 0


async def _show(pair: Pair, *, ends: bool) -> None:
    """Raises: CommandError for what a check of the outcome finds."""
    async with Client(pair.gateway.address) as client:
        try:
            rows, handover = await _play(client)
        except YingdaError as error:
            raise CommandError(str(error)) from None
    print()
    console = render.console()
    console.print(demo_table.table(rows, handover, console.width))
    print()
    print(_summary(rows, handover))
    hints.print_hints(pair.gateway.address, "default")
    if ends:
        _check(rows, handover)
        return
    print("serving until Ctrl-C", flush=True)
    await asyncio.Event().wait()


async def _play(client: Client) -> tuple[list[Row], Handover | None]:
    with step("registering the sample team, two places each"):
        await put_online(client, demo_script.with_few_places(sample_team()))
    lines = demo_script.script()
    with step(f"sending {len(lines)} messages"):
        rows = [await _send(client, line) for line in lines]
    with step("closing a conversation, which frees a place"):
        return rows, await _hand_over(client, rows)


async def _send(client: Client, line: Line) -> Row:
    started = time.perf_counter()
    try:
        answer = await client.send(
            line.text, channel=line.channel, customer_id=line.customer_id, message_id=line.message_id
        )
    except YingdaError as error:
        return Row(line=line, answer=None, error=str(error), seconds=time.perf_counter() - started)
    return Row(line=line, answer=answer, error="", seconds=time.perf_counter() - started)


async def _hand_over(client: Client, rows: Sequence[Row]) -> Handover | None:
    """Close a conversation of an agent whom the longest-waiting one waits for; None if none waits."""
    waiting = next((row for row in rows if _outcome(row) == ASSIGNMENT_OUTCOME_QUEUED), None)
    if waiting is None or waiting.answer is None:
        return None
    explained = await client.explain(waiting.line.text)
    full = {one.agent_id for one in explained.candidates if one.exclusion == "at_capacity"}
    for row in rows:
        if row.answer and row.answer.assignment.agent_id in full:
            started = time.perf_counter()
            await client.close_conversation(row.answer.conversation_id)
            seconds = time.perf_counter() - started
            return await _handed_over(client, row, waiting, seconds)
    return None


async def _handed_over(client: Client, closed: Row, waiting: Row, seconds: float) -> Handover | None:
    """What the journal says of it; None if the place went to nobody."""
    assert waiting.answer is not None
    for event in await client.events(waiting.answer.conversation_id):
        if event.HasField("conversation_assigned"):
            assignment = event.conversation_assigned.assignment
            return Handover(
                closed=closed,
                waiting=waiting,
                reason=assignment.reason,
                agent_name=assignment.agent_name,
                seconds=seconds,
            )
    return None


def _outcome(row: Row) -> AssignmentOutcome.ValueType:
    return row.answer.assignment.outcome if row.answer else ASSIGNMENT_OUTCOME_UNSPECIFIED


def _summary(rows: Sequence[Row], handover: Handover | None) -> str:
    median = statistics.median(row.seconds for row in rows) * 1000
    counts = Counter(_outcome(row) for row in rows if row.answer and not row.answer.duplicate)
    left = counts[ASSIGNMENT_OUTCOME_QUEUED] - (1 if handover else 0)
    return (
        f"{len(rows)} messages, median {median:.1f} ms. "
        f"Conversations: {counts[ASSIGNMENT_OUTCOME_ASSIGNED]} assigned at once, "
        f"{counts[ASSIGNMENT_OUTCOME_QUEUED]} queued; "
        f"the close gave {1 if handover else 0} of these its place, {left} still wait."
    )


def _check(rows: Sequence[Row], handover: Handover | None) -> None:
    """Raises: CommandError that names every message which was not answered as it should be."""
    problems = [
        f"message {number}: {problem}" for number, row in enumerate(rows, 1) if (problem := _problem(row))
    ]
    if not any(row.answer and row.answer.duplicate for row in rows):
        problems.append("the message that came twice was not taken for one")
    if handover is None:
        problems.append("no conversation went from the queue to an agent")
    if problems:
        raise CommandError("the demo failed:\n  " + "\n  ".join(problems))


def _problem(row: Row) -> str:
    if row.answer is None:
        return row.error
    if not row.answer.analysis.intent or not _outcome(row):
        return "the answer is not complete"
    return ""
