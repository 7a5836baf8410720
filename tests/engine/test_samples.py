from __future__ import annotations

from pathlib import Path

import pytest

from engine.bootstrap_bundle import SHIPPED_PACK
from engine.errors import StartError
from engine.samples import read_replies
from tests.fakes import make_reply

HEADER = "reply_id,intent,language,title,text\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "replies.csv").write_text(text, encoding=encoding)
    return folder


def failure(folder: Path) -> str:
    with pytest.raises(StartError) as raised:
        read_replies(folder)
    return str(raised.value)


def test_replies_are_read_in_order_with_their_slots(tmp_path: Path) -> None:
    found = read_replies(write(tmp_path, HEADER + 'b,,en,,"hi {name}, there"\na,x,zh,短,好\n'))

    assert found == [
        make_reply("b", text="hi {name}, there", slots=("name",)),
        make_reply("a", intent="x", language="zh", title="短", text="好"),
    ]


def test_more_columns_are_no_matter(tmp_path: Path) -> None:
    found = read_replies(write(tmp_path, "note,reply_id,intent,language,title,text\nn,a,,en,,text\n"))

    assert found == [make_reply("a", text="text")]


def test_the_shipped_pack_is_readable_and_its_ids_differ() -> None:
    found = read_replies(SHIPPED_PACK)

    assert len({one.reply_id for one in found}) == len(found) > 100
    assert {one.language for one in found} == {"zh", "en"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert failure(tmp_path).startswith(f"cannot read {tmp_path / 'replies.csv'}: ")
    assert failure(tmp_path).endswith("name a folder with a replies.csv as pack")


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    message = failure(write(tmp_path, HEADER + "a,,zh,,退款\n", encoding="gbk"))

    assert message.startswith(f"cannot read {tmp_path / 'replies.csv'}: ")


def test_a_missing_column_is_named_with_its_record(tmp_path: Path) -> None:
    assert failure(write(tmp_path, "reply_id,intent,language,text\na,,en,hi\n")).endswith(
        "replies.csv, record 2: column title is missing"
    )


def test_a_short_record_is_named(tmp_path: Path) -> None:
    assert "record 3: column title is missing" in failure(write(tmp_path, HEADER + "a,,en,,hi\nb,,en\n"))


def test_an_unpaired_brace_is_named_with_its_record(tmp_path: Path) -> None:
    assert "record 2: reply.text: '{' at character 4" in failure(write(tmp_path, HEADER + "a,,en,,hi {\n"))
