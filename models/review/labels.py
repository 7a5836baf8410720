"""The labels of one sitting, kept in the CSV file that `train --data` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from models.active import Pick
from models.errors import InputError

HEADER: Final = ("text", "intent", "lang")


class Labels:
    """Every label is in the file at once; the last ones can be taken back."""

    def __init__(self, path: Path, picks: Sequence[Pick]) -> None:
        """Raises: InputError for a file without the columns text and intent."""
        self._path = path
        self._picks = picks
        self._before = path.read_text(encoding="utf-8-sig") if path.is_file() else ",".join(HEADER) + "\n"
        self._header = [name.strip().lower() for name in next(csv.reader(io.StringIO(self._before)), [])]
        if not {"text", "intent"} <= set(self._header):
            raise InputError(f"{path}: the first row must name text and intent")
        self._given: list[tuple[int, str]] = []  # pick, intent

    @property
    def given(self) -> list[tuple[int, str]]:
        """Number of the message and its intent, in the order they were given."""
        return list(self._given)

    def give(self, number: int, intent: str) -> None:
        """Label a message, or label it again. Raises: IndexError, ValueError."""
        if not intent.strip() or any(character in intent for character in "\r\n|"):
            raise ValueError("no intent")
        if not 0 <= number < len(self._picks):
            raise IndexError(number)
        self._given = [*(one for one in self._given if one[0] != number), (number, intent.strip())]
        self._write()

    def take_back(self) -> int | None:
        """Forget the last label; the number of its message, None where there is none."""
        if not self._given:
            return None
        number, _ = self._given.pop()
        self._write()
        return number

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._header, restval="", extrasaction="ignore", lineterminator="\n")
        for number, intent in self._given:
            pick = self._picks[number]
            writer.writerow({"text": pick.text, "intent": intent, "lang": pick.lang})
        gap = "" if self._before.endswith("\n") else "\n"
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(self._before + gap + text.getvalue(), encoding="utf-8")
        fresh.replace(self._path)
