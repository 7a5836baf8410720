from __future__ import annotations

from pathlib import Path

import pytest
from yingda.cli import judged_file
from yingda.cli.errors import CommandError

ROW = {"text": "在吗", "reply_id": "hi", "right": "", "confidence": "0.9", "decision": "x", "answer": "在的"}


def test_messages_are_lines_or_a_column(tmp_path: Path) -> None:
    lines, table = tmp_path / "m.txt", tmp_path / "m.csv"
    lines.write_text("在吗\n\n hello \n", encoding="utf-8")
    table.write_text("id,text\n1,在吗\n2,hello\n", encoding="gb18030")

    assert judged_file.read_texts(lines) == judged_file.read_texts(table) == ["在吗", "hello"]


def test_what_was_written_can_be_judged_and_read(tmp_path: Path) -> None:
    path = tmp_path / "judged.csv"
    judged_file.write(path, [{**ROW, "right": right} for right in ("1", "否", "")])

    assert [one.is_right for one in judged_file.read_verdicts(path)] == [True, False]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("text,reply_id\na,b\n", "column right is missing"),
        ("text,reply_id,right\na,b,maybe\n", "record 2: right is 'maybe', must be 1 or 0"),
        ("text,reply_id,right\na,b,\n", "no row is judged"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(content)

    with pytest.raises(CommandError, match=problem):
        judged_file.read_verdicts(path)
