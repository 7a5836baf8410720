"""Read anybody's own labelled messages from a CSV file, and say of every mistake where it is and how to mend it.

Columns: `text` and `intent`; `lang`, `skill`, `anger` and `author` if there are any.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from models.dataset import SEPARATOR
from models.errors import PackError
from models.features import extract
from models.language import detect
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE

REQUIRED: Final = ("text", "intent")
OPTIONAL: Final = ("lang", "skill", "anger", "author")
LEAST: Final = 5  # messages of an intent
LONGEST: Final = 8192  # bytes of a message, as the engine takes them
_MOST_SHOWN: Final = 50  # mistakes
_YES: Final = ("1", "yes", "true", "是")
_NO: Final = ("0", "no", "false", "否")
_NAME: Final = re.compile(r"[^\s\x00-\x1f|,\"'<>&][^\x00-\x1f|,\"'<>&]{0,63}")
_SKILL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One labelled message; `anger` is None where the file does not say, `author` "" likewise."""

    number: int  # in the file, the header being 1, as spreadsheets count
    text: str
    intents: tuple[str, ...]
    lang: str
    skill: str
    anger: bool | None
    author: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where it is, what is wrong and how to mend it; row 1 is the header."""

    row: int
    column: str
    fix: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.fix}"


def read(path: Path, *, least: int = LEAST) -> list[Row]:
    """Give the messages, those that stand there twice once; each intent must have `least` of them.

    Raises: PackError naming every mistake.
    """
    header, records = _records(path)
    mistakes = list(_check_header(header))
    rows: list[Row] = []
    if not mistakes:
        for number, cells in records:
            found = list(_check_cells(number, cells, header)) or list(_check_row(number, cells))
            mistakes += found
            if not found:
                rows.append(_parse(number, cells))
        rows = _with_languages(rows)
        mistakes += _check_together(rows, least)
    if mistakes:
        shown = "\n".join(f"  {one}" for one in sorted(mistakes, key=lambda one: one.row)[:_MOST_SHOWN])
        raise PackError(f"{path} has {len(mistakes)} mistakes; nothing was trained\n{shown}")
    return list({(row.text, row.intents): row for row in reversed(rows)}.values())[::-1]


def _records(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and number and cells of every row; cells beyond the header stand under ""."""
    lines = list(csv.reader(io.StringIO(_decode(path), newline="")))
    if not lines:
        raise PackError(f"{path} row 1, column text: the file is empty; write the header text,intent first")
    header = [name.strip().lower() for name in lines[0]]
    rows = []
    for number, cells in enumerate(lines[1:], 2):
        if any(cell.strip() for cell in cells):
            named = dict(zip(header, cells, strict=False))
            rows.append((number, {**named, **({"": "more"} if len(cells) > len(header) else {})}))
    return header, rows


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror}); give a CSV file with --data") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            place = error.start
    row = data[:place].count(b"\n") + 1
    raise PackError(
        f"{path} row {row}, column unknown: neither UTF-8 nor GB18030; save the file as “CSV UTF-8”"
    )


def _check_header(header: Sequence[str]) -> Iterator[Mistake]:
    for name in REQUIRED:
        if name not in header:
            yield Mistake(1, name, f"is missing; the first row must name {', '.join(REQUIRED)}")
    for place, name in enumerate(header):
        if name in header[:place]:
            yield Mistake(1, name, "stands there twice; keep one")
        elif name not in (*REQUIRED, *OPTIONAL):
            fix = f"is unknown; name it {', '.join((*REQUIRED, *OPTIONAL))}, or remove it"
            yield Mistake(1, name or str(place + 1), fix)


def _check_cells(number: int, cells: Mapping[str, str], header: Sequence[str]) -> Iterator[Mistake]:
    if "" in cells:
        yield Mistake(
            number, header[-1], "is followed by more cells; put a text with commas into double quotes"
        )
    for name in REQUIRED:
        if not cells.get(name, "").strip():
            yield Mistake(number, name, "is empty; fill it in, or remove the row")


def _check_row(number: int, cells: Mapping[str, str]) -> Iterator[Mistake]:
    size = len(cells["text"].encode())
    if size > LONGEST:
        yield Mistake(number, "text", f"is {size} bytes long; shorten it to {LONGEST}")
    for intent in _intents(cells):
        if not _NAME.fullmatch(intent):
            yield Mistake(
                number, "intent", f"{intent[:40]!r} is no name; use up to 64 letters, digits, '.', '_', '-'"
            )
    if (lang := _cell(cells, "lang")) and lang not in LANGUAGES:
        yield Mistake(number, "lang", f"{lang[:20]!r} is not zh or en; write one of them, or leave it empty")
    if (skill := _cell(cells, "skill")) and not _SKILL.fullmatch(skill):
        yield Mistake(
            number, "skill", f"{skill[:40]!r} is no skill; use a-z, 0-9, '.', '_' and '-', such as finance"
        )
    if (anger := _cell(cells, "anger")) and anger not in (*_YES, *_NO):
        yield Mistake(number, "anger", f"{anger[:20]!r} is not 0 or 1; write one of them, or leave it empty")


def _check_together(rows: Sequence[Row], least: int) -> list[Mistake]:
    return [*_check_skills(rows), *_check_labels(rows), *_check_counts(rows, least)]


def _check_skills(rows: Sequence[Row]) -> Iterator[Mistake]:
    known: dict[str, Row] = {}
    for row in rows:
        first = known.setdefault(row.intents[0], row) if row.skill else row
        if first.skill != row.skill:
            fix = f"{row.intents[0]} has the skill {first.skill} in row {first.number}; give it one"
            yield Mistake(row.number, "skill", fix)


def _check_labels(rows: Sequence[Row]) -> Iterator[Mistake]:
    known: dict[str, Row] = {}
    for row in rows:
        first = known.setdefault(row.text.strip().casefold(), row)
        if set(first.intents) != set(row.intents):
            fix = f"row {first.number} has the same text as {SEPARATOR.join(first.intents)}; label both alike"
            yield Mistake(row.number, "intent", fix)


def _check_counts(rows: Sequence[Row], least: int) -> Iterator[Mistake]:
    members: dict[str, dict[str, int]] = {}
    for row in rows:
        for intent in row.intents:
            members.setdefault(intent, {}).setdefault(row.text, row.number)
    inside = [intent for intent in members if intent != OUT_OF_SCOPE]
    if rows and len(inside) <= 1:
        yield Mistake(2, "intent", "is the same everywhere; two intents at least can be told apart")
    for intent in inside:
        count, first = len(members[intent]), min(members[intent].values())
        if count < least:
            yield Mistake(first, "intent", f"{intent} has {count} messages; write {least - count} more")


def _parse(number: int, cells: Mapping[str, str]) -> Row:
    anger = _cell(cells, "anger")
    return Row(
        number=number,
        text=cells["text"].strip(),
        intents=tuple(_intents(cells)),
        lang=_cell(cells, "lang"),
        skill=_cell(cells, "skill"),
        anger=anger in _YES if anger else None,
        author=cells.get("author", "").strip(),
    )


def _with_languages(rows: Sequence[Row]) -> list[Row]:
    """Those that name none get the one their text is read as."""
    if not rows:
        return []
    read_as = detect(extract([row.text for row in rows])).tolist()
    return [
        row if row.lang else replace(row, lang=LANGUAGES[code])
        for row, code in zip(rows, read_as, strict=True)
    ]


def _intents(cells: Mapping[str, str]) -> list[str]:
    return [one.strip() for one in cells["intent"].split(SEPARATOR)]


def _cell(cells: Mapping[str, str], name: str) -> str:
    return cells.get(name, "").strip().lower()


def read_labelled_texts(path: Path) -> list[str]:
    """Give the texts of a file that may still hold mistakes, or not exist. Raises: PackError."""
    if not path.is_file():
        return []
    _, records = _records(path)
    return [cells["text"].strip() for _, cells in records if cells.get("text", "").strip()]
