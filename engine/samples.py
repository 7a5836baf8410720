"""The sample replies that a new tenant starts with: a pack's `replies.csv`."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.assist.slot import slots
from engine.domain import Reply
from engine.errors import EngineError, StartError

COLUMNS = ("reply_id", "intent", "language", "title", "text")


def read_replies(pack: Path) -> list[Reply]:
    """In the file's order. Raises: StartError that names the file, the line and what is wrong."""
    path = pack / "replies.csv"
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return [_reply(path, number, row) for number, row in enumerate(csv.DictReader(lines), start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StartError(f"cannot read {path}: {error}; name a folder with a replies.csv as pack") from error


def _reply(path: Path, number: int, row: dict[str, str]) -> Reply:
    missing = [column for column in COLUMNS if row.get(column) is None]
    if missing:
        raise StartError(f"{path}, record {number}: column {missing[0]} is missing")
    try:
        return Reply(**{column: row[column] for column in COLUMNS}, slots=slots(row["text"]))
    except EngineError as error:
        raise StartError(f"{path}, record {number}: {error}") from error
