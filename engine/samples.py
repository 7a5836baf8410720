"""The sample replies that a new tenant starts with: a pack's `replies.csv`."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.assist.slot import slots
from engine.domain import Reply
from engine.errors import EngineError, StartError

COLUMNS = ("reply_id", "intent", "language", "title", "text")
QUESTIONS = "reply_questions.csv"
_MOST_QUESTIONS = 50  # of a reply


def read_replies(pack: Path) -> list[Reply]:
    """In the file's order, each with its questions. Raises: StartError that names file, record, fault."""
    questions = _read_questions(pack / QUESTIONS)
    path = pack / "replies.csv"
    found = [_reply(path, number, row, questions) for number, row in _read(path)]
    unknown = questions.keys() - {reply.reply_id for reply in found}
    if unknown:
        raise StartError(f"{pack / QUESTIONS}: {min(unknown)} is no reply of {path}")
    return found


def _read_questions(path: Path) -> dict[str, list[str]]:
    """By reply; a pack may do without."""
    questions: defaultdict[str, list[str]] = defaultdict(list)
    for number, row in _read(path) if path.exists() else ():
        if not row.get("reply_id") or not row.get("question"):
            raise StartError(f"{path}, record {number}: give reply_id and question")
        questions[row["reply_id"]].append(row["question"])
    return questions


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(enumerate(csv.DictReader(lines), start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StartError(f"cannot read {path}: {error}; name a folder with a replies.csv as pack") from error


def _reply(path: Path, number: int, row: dict[str, str], questions: Mapping[str, Sequence[str]]) -> Reply:
    missing = [column for column in COLUMNS if row.get(column) is None]
    if missing:
        raise StartError(f"{path}, record {number}: column {missing[0]} is missing")
    asked = tuple(questions.get(row["reply_id"], ()))[:_MOST_QUESTIONS]
    try:
        return Reply(
            reply_id=row["reply_id"],
            intent=row["intent"],
            language=row["language"],
            title=row["title"],
            text=row["text"],
            slots=slots(row["text"]),
            questions=asked,
        )
    except EngineError as error:
        raise StartError(f"{path}, record {number}: {error}") from error
