"""Customers' messages in files, and answers to them that somebody judged."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from yingda.cli import reply_file
from yingda.cli.errors import CommandError

COLUMNS = ("text", "reply_id", "right", "confidence", "decision", "answer")
_RIGHT = {"1": True, "y": True, "yes": True, "true": True, "对": True, "是": True}
_WRONG = {"0": False, "n": False, "no": False, "false": False, "错": False, "否": False}
_VERDICTS: Mapping[str, bool] = {**_RIGHT, **_WRONG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether this reply is a right answer to this message."""

    text: str
    reply_id: str
    is_right: bool


def read_texts(path: Path) -> list[str]:
    """The column `text` of a CSV file, or the lines of any other. Raises: CommandError."""
    content = reply_file.decode(path)
    if path.suffix.lower() != ".csv":
        found = content.splitlines()
    else:
        found = [row["text"] for _, row in _rows(path, content, ("text",))]
    texts = [text.strip() for text in found if text.strip()]
    if not texts:
        raise CommandError(f"{path}: holds no messages")
    return texts


def read_verdicts(path: Path) -> list[Verdict]:
    """In order; rows whose `right` is empty are left out. Raises: CommandError."""
    found = []
    for number, row in _rows(path, reply_file.decode(path), COLUMNS[:3]):
        if not row["right"]:
            continue
        verdict = _VERDICTS.get(row["right"].lower())
        if verdict is None:
            raise CommandError(f"{path}, record {number}: right is {row['right']!r}, must be 1 or 0")
        found.append(Verdict(text=row["text"], reply_id=row["reply_id"], is_right=verdict))
    if not found:
        raise CommandError(f"{path}: no row is judged; write 1 or 0 into the column `right`")
    return found


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """For a spreadsheet: with a byte order mark, so that Excel shows Chinese. Raises: CommandError."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        path.write_bytes(text.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise CommandError(f"{path}: cannot be written ({error.strerror})") from None


def _rows(path: Path, content: str, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    for name in needed:
        if name not in (rows.fieldnames or ()):
            raise CommandError(f"{path}: column {name} is missing; the columns are {', '.join(COLUMNS)}")
    return [
        (number, {name: (row[name] or "").strip() for name in needed})
        for number, row in enumerate(rows, start=2)
    ]
