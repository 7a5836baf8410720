from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from models import journal, spreadsheet
from models.errors import InputError
from models.journal import Made

ROW = {
    "text": "where is my parcel",
    "language": "en",
    "intent": "shipping.track",
    "skill": "",
    "source": "FEEDBACK_SOURCE_CONFIRMED",
    "is_weak": False,
    "weight": 1.0,
    "read_intent": "shipping.track",
    "group": "g1",
    "sequence": "7",
}


def export(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "feedback.jsonl"
    path.write_text(
        "".join(json.dumps(ROW | row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def made(folder: Path, *rows: dict[str, object], least: float = 0.0) -> tuple[Made, list[tuple[str, str]]]:
    """What was made, and the texts and intents written."""
    output = folder / "my.csv"
    done = journal.make(export(folder, *rows), output, least=least)
    with output.open(encoding="utf-8", newline="") as lines:
        return done, [(row["text"], row["intent"]) for row in csv.DictReader(lines)]


def test_labels_become_messages_to_train_on(tmp_path: Path) -> None:
    done, found = made(tmp_path, {}, {"text": "我要退款", "language": "zh", "intent": "refund.request"})

    assert found == [("where is my parcel", "shipping.track"), ("我要退款", "refund.request")]
    assert done == Made(rows=2, without_intent=0, too_weak=0, overruled=0)
    assert len(spreadsheet.read(tmp_path / "my.csv", least=1)) == 2


def test_a_label_that_somebody_gave_overrules_weak_ones(tmp_path: Path) -> None:
    weak = {"intent": "other", "weight": 0.5, "sequence": "9", "source": "FEEDBACK_SOURCE_REPLY_ACCEPTED"}
    done, found = made(tmp_path, {}, weak)

    assert found == [("where is my parcel", "shipping.track")]
    assert done.overruled == 1


def test_of_equal_labels_the_newest_stands(tmp_path: Path) -> None:
    _, found = made(tmp_path, {"intent": "newer", "sequence": "12"}, {"intent": "older", "sequence": "11"})

    assert found == [("where is my parcel", "newer")]


def test_weak_labels_are_left_out_on_request(tmp_path: Path) -> None:
    done, found = made(tmp_path, {}, {"text": "and my refund", "weight": 0.5}, least=1.0)

    assert [text for text, _ in found] == ["where is my parcel"]
    assert done.too_weak == 1


def test_a_skill_alone_is_no_intent(tmp_path: Path) -> None:
    done, _ = made(tmp_path, {"intent": "", "skill": "finance"})

    assert (done.rows, done.without_intent) == (0, 1)


def test_what_is_personal_is_taken_out_whoever_exported_it(tmp_path: Path) -> None:
    _, found = made(tmp_path, {"text": "call 13812345678"})

    assert found == [("call [phone]", "shipping.track")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"kind": "message_received", "data": {}}', "is the journal itself"),
        ("not json", "line 1: is no row of feedback"),
        ('{"text": "x"}', "KeyError"),
        ("[1]", "line 1"),
    ],
)
def test_another_file_is_refused_with_the_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "feedback.jsonl"
    path.write_text(line + "\n", encoding="utf-8")

    with pytest.raises(InputError, match=problem):
        journal.make(path, tmp_path / "my.csv")
