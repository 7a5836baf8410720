"""Split a CSV file of labelled messages into one to train on and one to test with."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from models import similarity, spreadsheet
from models.errors import InputError
from models.spreadsheet import LEAST, Row

_FIELDS: Final = ("text", "intent", "lang", "skill", "anger", "author")


def split(path: Path, share: float) -> tuple[Path, Path]:
    """Write NAME-train.csv and NAME-test.csv beside the file; near copies, and an author's messages, stay together.

    Which group goes where hangs on its text alone, so that more messages do not move old ones. Raises: PackError,
    InputError.
    """
    if not 0 < share < 1:
        raise InputError(f"--share {share}: must be above 0 and below 1, such as 0.2")
    rows = spreadsheet.read(path)
    groups = _group(rows)
    tested = _choose(rows, groups, share)
    train, test = (path.with_name(f"{path.stem}-{name}.csv") for name in ("train", "test"))
    _write(train, [row for place, row in enumerate(rows) if place not in tested])
    _write(test, [row for place, row in enumerate(rows) if place in tested])
    return train, test


def _group(rows: list[Row]) -> list[list[int]]:
    """Places of rows that belong together."""
    owner = list(range(len(rows)))

    def find(place: int) -> int:
        while owner[place] != place:
            place = owner[place]
        return place

    for copy in similarity.find_copies([row.text for row in rows]):
        owner[find(copy.second)] = find(copy.first)
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row.author:
            owner[find(place)] = find(first.setdefault(row.author, place))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(rows)):
        members[find(place)].append(place)
    return list(members.values())


def _choose(rows: list[Row], groups: list[list[int]], share: float) -> set[int]:
    """Places to test with: of each intent about the share, and never so many that too few are left to train on."""
    left = Counter(intent for row in rows for intent in row.intents)
    spare = {intent: min(round(share * count), max(count - LEAST, 0)) for intent, count in left.items()}
    chosen: set[int] = set()
    for group in sorted(groups, key=lambda group: _hash(rows[group[0]].text)):
        needs = Counter(intent for place in group for intent in rows[place].intents)
        if all(spare[intent] >= count for intent, count in needs.items()):
            chosen.update(group)
            for intent, count in needs.items():
                spare[intent] -= count
    return chosen


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    for row in rows:
        anger = "" if row.anger is None else str(int(row.anger))
        writer.writerow([row.text, "|".join(row.intents), row.lang, row.skill, anger, row.author])
    path.write_text(text.getvalue(), encoding="utf-8")
