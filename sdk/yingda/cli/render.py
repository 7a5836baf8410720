"""Tables for people, JSON for programs; what others wrote is shown, never obeyed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from yingda.v1.activity_pb2 import ActivityKind
from yingda.v1.agent_pb2 import Presence
from yingda.v1.analysis_pb2 import Analysis, Sentiment
from yingda.v1.assignment_pb2 import (
    ASSIGNMENT_OUTCOME_KEPT,
    ASSIGNMENT_OUTCOME_OFFERED,
    ASSIGNMENT_OUTCOME_QUEUED,
    Assignment,
    ScoreTerm,
)
from yingda.v1.conversation_pb2 import ConversationState
from yingda.v1.message_pb2 import Channel


def console() -> Console:
    """Standard output; a terminal's width, else COLUMNS, else 80."""
    return Console(markup=False, highlight=False, emoji=False)


def plain(text: str) -> str:
    """One line without control characters, so that no customer steers the terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def cell(text: str, style: str = "") -> Text:
    """A cell of a table: as it is, no markup."""
    return Text(plain(text), style=style)


def lines(*parts: Text) -> Text:
    """A cell of several lines; empty ones are left out."""
    return Text("\n").join(part for part in parts if part)


def shortened(text: str, width: int) -> str:
    """At most `width` columns of a terminal, where a Chinese character takes two."""
    text = plain(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, empty: str) -> None:
    """Rows under their titles, or the sentence `empty` where there are none."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name == columns[0])  # an id stays whole, to be copied
    for row in rows:
        table.add_row(*(one if isinstance(one, Text) else cell(one) for one in row))
    console().print(table if table.row_count else empty)


def print_pairs(pairs: Iterable[tuple[str, str | Text]]) -> None:
    """One thing's properties, a line each."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(cell(name), value if isinstance(value, Text) else cell(value))
    console().print(table)


def print_json(data: object) -> None:
    """One JSON value, Chinese readable."""
    print(json.dumps(data, ensure_ascii=False, indent=2))


def print_json_line(data: object) -> None:
    """One JSON value on a line of its own, at once, for a reader that follows."""
    print(json.dumps(data, ensure_ascii=False), flush=True)


def print_messages(messages: Iterable[Message]) -> None:
    """A JSON array of protobuf messages."""
    print_json([as_json(one) for one in messages])


def as_json(message: Message) -> dict[str, object]:
    """Fields by their names in the `.proto` files, those at their default too."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def copy_line(title: str, line: str) -> None:
    """A line to copy: never wrapped, whatever the width."""
    print(f"  {title:<12} {line}", flush=True)


def note(text: str) -> None:
    """A sentence beside the output proper."""
    print(f"yingda: {text}", file=sys.stderr, flush=True)


def mood(analysis: Analysis) -> Text:
    """Such as "negative, anger 0.93"; red where the writer is angry."""
    text = f"{sentiment_name(analysis.sentiment)}, anger {analysis.anger:.2f}"
    return cell(text, "bold red" if analysis.is_angry else "")


def owner(assignment: Assignment) -> Text:
    """The agent's name, or that it waits."""
    if assignment.outcome == ASSIGNMENT_OUTCOME_QUEUED:
        return cell("queued", "bold yellow")
    how = {ASSIGNMENT_OUTCOME_KEPT: " (kept)", ASSIGNMENT_OUTCOME_OFFERED: " (offered)"}
    name = assignment.agent_name or assignment.agent_id
    return cell(f"{name}{how.get(assignment.outcome, '')}", "bold")


def terms(found: Iterable[ScoreTerm]) -> str:
    """Such as "proficiency 0.40 + language 0.70"."""
    return " + ".join(f"{one.name} {one.value:.2f}" for one in found)


def moment(time: Timestamp) -> str:
    """Local time to the second."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def activity_name(number: ActivityKind.ValueType) -> str:
    """Such as "page view"."""
    return _name(ActivityKind.items(), number, "ACTIVITY_KIND_").replace("_", " ")


def channel_name(number: Channel.ValueType) -> str:
    """Such as "wechat"; the number of one this release does not know."""
    return _name(Channel.items(), number, "CHANNEL_")


def presence_name(number: Presence.ValueType) -> str:
    """Such as "online"."""
    return _name(Presence.items(), number, "PRESENCE_")


def state_name(number: ConversationState.ValueType) -> str:
    """Such as "waiting"."""
    return _name(ConversationState.items(), number, "CONVERSATION_STATE_")


def sentiment_name(number: Sentiment.ValueType) -> str:
    """Such as "negative"."""
    return _name(Sentiment.items(), number, "SENTIMENT_")


def _name(items: Iterable[tuple[str, int]], number: int, prefix: str) -> str:
    found = {value: name for name, value in items}.get(number)
    return found.removeprefix(prefix).lower() if found else str(number)
