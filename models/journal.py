"""Make a file to train on of what the engine's journal exported: `yingda conversations export --feedback`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import InputError
from models.redaction import redact

COLUMNS: Final = ("text", "intent", "lang", "author")  # a conversation stands for its author


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What an export says of one message. `group` names its conversation; `weight` is in (0, 1], below 1 where weak."""

    text: str
    intent: str
    language: str
    group: str
    weight: float
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How many rows were written, and how many labels left out: of a skill alone, too weak, or overruled by others."""

    rows: int
    without_intent: int
    too_weak: int
    overruled: int


def make(export: Path, output: Path, *, least: float = 0.0) -> Made:
    """Write a CSV file of messages labelled with a weight of `least` or more; each text once.

    Texts are redacted, also where the export did so. Of several labels of a text the heaviest stands, then the newest.
    Raises: InputError.
    """
    labels = list(_read(export))
    named = [one for one in labels if one.intent]
    heavy = [one for one in named if one.weight >= least]
    best: dict[str, Label] = {}
    for one in sorted(heavy, key=lambda one: (one.weight, one.sequence)):
        best[one.text] = one
    _write(output, sorted(best.values(), key=lambda one: one.sequence))
    return Made(
        rows=len(best),
        without_intent=len(labels) - len(named),
        too_weak=len(named) - len(heavy),
        overruled=len(heavy) - len(best),
    )


def _read(export: Path) -> Iterator[Label]:
    try:
        with export.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _label(export, number, line)
    except UnicodeDecodeError as error:
        raise InputError(f"{export}: is not UTF-8 ({error.reason})") from None


def _label(export: Path, number: int, line: str) -> Label:
    try:
        found: Mapping[str, Any] = json.loads(line)
        if "kind" in found and "data" in found:
            raise InputError(
                f"{export}, line {number}: is the journal itself; export it with "
                "`yingda conversations export --feedback`"
            )
        return Label(
            text=redact(str(found["text"])).strip(),
            intent=str(found["intent"]),
            language=str(found["language"]),
            group=str(found["group"]),
            weight=float(found["weight"]),
            sequence=int(found["sequence"]),
        )
    except InputError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{export}, line {number}: is no row of feedback ({type(error).__name__}: {error}); write the file with "
            "`yingda conversations export --feedback --output FILE`"
        ) from None


def _write(output: Path, labels: Sequence[Label]) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in labels:
        rows.writerow((one.text, one.intent, one.language, one.group))
    output.write_text(text.getvalue(), encoding="utf-8", newline="")
