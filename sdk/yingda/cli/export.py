"""`yingda conversations export`: the journal, or what can be learned from it, as a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from yingda.cli import render
from yingda.cli.connection import look_back
from yingda.cli.errors import CommandError
from yingda.cli.moment import HELP, moment
from yingda.cli.options import Group
from yingda.journal_client import JournalClient
from yingda.v1.event_pb2 import Event

_PROGRESS = 1000  # rows between two signs of life, and of a part of a Parquet file
_COLUMNS = {  # of an event, with their types
    "sequence": "int64",
    "conversation_id": "string",
    "create_time": "string",
    "kind": "string",
    "commit_sequence": "int64",
    "cause_sequence": "int64",
    "data": "string",
}
Row = dict[str, Any]


def add(actions: Group) -> None:
    """The action."""
    export = actions.add(
        "export",
        _export,
        about="write the journal to a file: a line of JSON per event, or Parquet",
        example="yingda conversations export --since 2026-11-01 --output november.jsonl",
    )
    export.add_argument("conversation_id", nargs="?", default="", metavar="ID")
    span_options(export)
    export.add_argument(
        "--feedback",
        action="store_true",
        help="labelled messages to learn from instead, without personal data",
    )
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="a file that is new (default: standard output)"
    )
    export.add_argument(
        "--format",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="parquet needs pip install yingda[parquet]",
    )


def span_options(command: argparse.ArgumentParser) -> None:
    """Which events of a journal."""
    command.add_argument("--since", type=moment, metavar="TIME", help=f"from this moment on; {HELP}")
    command.add_argument("--until", type=moment, metavar="TIME", help="before this moment")
    command.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="KIND",
        help='such as "message_received"; may be repeated',
    )


def _export(args: argparse.Namespace) -> int:
    if args.format == "parquet":
        return _export_parquet(args)
    with _opened(args.output) as file:
        count = look_back(args, lambda client: _write_lines(client, args, file))
    render.note(f"{count} rows")
    return 0


def _export_parquet(args: argparse.Namespace) -> int:
    if args.output is None:
        raise CommandError("Parquet goes to a file: name one with --output")
    arrow, parquet = _arrow()
    with _opened(args.output):  # refused where it exists
        count = look_back(args, lambda client: _write_table(client, args, arrow, parquet))
    render.note(f"{count} rows")
    return 0


async def _write_lines(client: JournalClient, args: argparse.Namespace, file: TextIO) -> int:
    count = 0
    async for row in _rows(client, args):
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
        if not count % _PROGRESS and sys.stderr.isatty():
            print(f"\r{count} rows", end="", file=sys.stderr, flush=True)
    return count


async def _write_table(
    client: JournalClient,
    args: argparse.Namespace,
    arrow: Any,  # noqa: ANN401
    parquet: Any,  # noqa: ANN401
) -> int:
    """Part by part, as columns of simple types: what an event holds is a JSON text."""
    schema = None if args.feedback else arrow.schema(list(_COLUMNS.items()))
    count, writer = 0, None
    async for rows in _parts(client, args):
        table = arrow.Table.from_pylist(rows, schema)
        schema = table.schema
        writer = writer or parquet.ParquetWriter(args.output, schema)
        writer.write_table(table)
        count += len(rows)
    (writer or parquet.ParquetWriter(args.output, schema or arrow.schema([]))).close()
    return count


async def _parts(client: JournalClient, args: argparse.Namespace) -> AsyncIterator[list[Row]]:
    part: list[Row] = []
    async for row in _rows(client, args):
        part.append(
            {
                name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
                for name, value in row.items()
            }
        )
        if len(part) >= _PROGRESS:
            yield part
            part = []
    if part:
        yield part


async def _rows(client: JournalClient, args: argparse.Namespace) -> AsyncIterator[Row]:
    if args.feedback:
        async for one in client.export_feedback(start=args.since, end=args.until):
            yield _plain(one)
        return
    pages = client.journal(args.conversation_id, start=args.since, end=args.until, kinds=args.kind)
    async for page in pages:
        for event in page:
            yield _event_row(event)


def _event_row(event: Event) -> Row:
    kind = event.WhichOneof("kind") or ""
    return {
        "sequence": event.sequence,
        "conversation_id": event.conversation_id,
        "create_time": event.create_time.ToJsonString(),
        "kind": kind,
        "commit_sequence": event.commit_sequence,
        "cause_sequence": event.cause_sequence,
        "data": _plain(getattr(event, kind)) if kind else {},
    }


def _plain(message: Message) -> Row:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """A new file, or standard output. Raises: CommandError."""
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("x", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}; name a new file with --output") from None


def _arrow() -> tuple[Any, Any]:
    """Raises: CommandError where the extra is not installed."""
    try:
        import pyarrow  # noqa: PLC0415  # an extra, and dear to import
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise CommandError("Parquet needs pyarrow: pip install 'yingda[parquet]'") from None
    return pyarrow, pyarrow.parquet
