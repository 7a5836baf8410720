"""The demo's one table: readable in 80 columns and in 120."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from yingda.cli import render
from yingda.cli.demo_script import Line
from yingda.v1.answer_pb2 import MessageAnswer

_TITLES = ("message", "intent\nand confidence,\nsentiment, anger", "agent\nand why", "top replies")
_SHARES = (17, 16, 17, 19)  # of the width
_MS_WIDTH = 5
_NARROWEST = 60  # columns of a terminal; below, lines run over its edge
_MAX_MESSAGE = 110  # columns, over several lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A message and what came back: an answer, or the text of the error."""

    line: Line
    answer: MessageAnswer | None
    error: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A conversation was closed, and its place went to one that waited."""

    closed: Row
    waiting: Row
    reason: str
    agent_name: str
    seconds: float


def table(rows: Sequence[Row], handover: Handover | None, width: int) -> Table:
    """A message each, in the order sent, and the handover last; `width` columns of a terminal."""
    whole = Table(
        box=box.HORIZONTALS,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_lines=True,
        border_style="dim",
        header_style="bold",
    )
    widths = _widths(width)
    for title, share in zip(_TITLES, widths, strict=True):
        whole.add_column(title, width=share, overflow="fold")
    whole.add_column("ms", justify="right", width=_MS_WIDTH)
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        whole.add_row(*_cells(number, first.setdefault(row.line.message_id, number), row, widths))
    if handover:
        whole.add_row(*_handover_cells(handover))
    return whole


def _widths(width: int) -> Sequence[int]:
    """Of the columns before the milliseconds."""
    room = max(width, _NARROWEST) - _MS_WIDTH - 2 * len(_TITLES)  # two columns of space after each
    return [room * share // sum(_SHARES) for share in _SHARES]


def _cells(number: int, first: int, row: Row, widths: Sequence[int]) -> Sequence[Text]:
    milliseconds = render.cell(f"{row.seconds * 1000:.1f}")
    if row.answer is None:
        return _message(number, row.line), render.cell(row.error, "red"), Text(), Text(), milliseconds
    replies = (render.shortened(one.text, widths[3]) for one in row.answer.suggestions)
    return (
        _message(number, row.line),
        _reading(row.answer, widths[1]),
        _agent(row.answer, first),
        render.lines(*map(render.cell, replies)),
        milliseconds,
    )


def _message(number: int, line: Line) -> Text:
    head = render.cell(f"{number} {line.customer_id}, {render.channel_name(line.channel)}", "dim")
    return render.lines(head, render.cell(render.shortened(line.text, _MAX_MESSAGE)))


def _reading(answer: MessageAnswer, width: int) -> Text:
    analysis = answer.analysis
    intent = f"{analysis.intent} {analysis.confidence:.2f}"
    if len(analysis.intent) > width:
        intent = intent.replace(".", ".\n", 1)  # better broken after its group than in a word
    style = "bold red" if analysis.is_angry else ""
    return render.lines(
        *(render.cell(part, "cyan") for part in intent.splitlines()),
        render.cell(render.sentiment_name(analysis.sentiment)),
        render.cell(f"anger {analysis.anger:.2f}", style),
    )


def _agent(answer: MessageAnswer, first: int) -> Text:
    again = render.cell(f"delivered again: the answer to {first}", "yellow") if answer.duplicate else Text()
    return render.lines(again, render.owner(answer.assignment), render.cell(answer.assignment.reason, "dim"))


def _handover_cells(handover: Handover) -> Sequence[Text]:
    closed, waiting = handover.closed.line.customer_id, handover.waiting.line.customer_id
    return (
        render.cell(f"{handover.agent_name} closes the conversation with {closed}", "bold"),
        render.cell("frees a place"),
        render.lines(
            render.cell(f"{handover.agent_name} takes {waiting} from the queue", "bold green"),
            render.cell(handover.reason, "dim"),
        ),
        Text(),
        render.cell(f"{handover.seconds * 1000:.1f}"),
    )
