from __future__ import annotations

from pathlib import Path

import pytest
from yingda.cli import reply_file
from yingda.cli.errors import CommandError
from yingda.v1.message_pb2 import CHANNEL_EMAIL, CHANNEL_WECHAT
from yingda.v1.reply_pb2 import Reply

FULL = Reply(
    reply_id="full",
    intent="refund.status",
    language="zh",
    title="退款，多久",
    text="第一行\n第二行 {order_id}",
    questions=["多久到账", "钱呢"],
    teams=["售后"],
    channels=[CHANNEL_WECHAT, CHANNEL_EMAIL],
)
FULL.valid_from_time.FromJsonString("2026-11-28T00:00:00Z")
SHORT = Reply(reply_id="short", language="en", text='say "hi", then go')
HEADER = "reply_id,language,text\n"


def read(folder: Path, data: str | bytes, name: str = "replies.csv") -> list[Reply]:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return [entry.reply for entry in reply_file.read(path)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".yaml", ".yml"])
def test_what_was_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"replies{suffix}"
    reply_file.write(path, [FULL, SHORT])

    assert [entry.reply for entry in reply_file.read(path)] == [FULL, SHORT]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_are_read_as_excel_writes_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = (HEADER + "a,zh,您的订单在路上\r\n,,\r\n").replace(",", delimiter)

    assert read(tmp_path, text.encode(encoding)) == [
        Reply(reply_id="a", language="zh", text="您的订单在路上")
    ]


def test_several_values_stand_in_one_cell(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path, 'reply_id,language,text,questions,channels\na,en,x,"one|two\nthree",web | email\n'
    )

    assert list(found.questions) == ["one", "two", "three"]
    assert len(found.channels) == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("replies.csv", HEADER + "a,en,\n", "replies.csv, record 2: text is empty"),
        (
            "replies.csv",
            "reply_id,text\na,b\n",
            "replies.csv: column language is missing; the columns are reply_id",
        ),
        ("replies.csv", "reply_id,language,text,mood\n", "replies.csv: no column 'mood'; the columns are"),
        ("replies.csv", HEADER, "replies.csv: holds no replies"),
        ("replies.csv", b"\xff\xfe\xff", "is neither UTF-8 nor GB18030; save it as UTF-8"),
        ("replies.csv", "reply_id,language,text,channels\na,en,x,fax\n", "record 2: no channel 'fax'"),
        ("replies.csv", "reply_id,language,text,valid_from\na,en,x,soon\n", "record 2: 'soon' is no date"),
        ("replies.jsonl", '{"reply_id": "a"\n', "replies.jsonl, line 1: is no JSON"),
        ("replies.jsonl", "[1]\n", "replies.jsonl, line 1: must be an object with reply_id, language, text"),
        ("replies.jsonl", '{"id": "a"}\n', "line 1: no field 'id'; the fields are"),
        ("replies.yaml", "a: [", "replies.yaml: is no YAML"),
        ("replies.yaml", "a: 1", "replies.yaml: must be a list of replies"),
        ("replies.doc", "x", "cannot tell the format; name it .csv, .jsonl or .yaml"),
    ],
)
def test_a_bad_file_is_named_with_the_place_and_the_fix(
    tmp_path: Path, name: str, data: str | bytes, message: str
) -> None:
    with pytest.raises(CommandError) as raised:
        read(tmp_path, data, name)

    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("replies.csv", "reply_id,language,text,channels\na,en,x,fax\nb,en,x,\nc,en,,web\n"),
        ("replies.jsonl", '{"reply_id": "a", "language": "en", "text": ""}\n{"reply_id": "b"\n'),
    ],
)
def test_every_bad_record_is_named_at_once(tmp_path: Path, name: str, data: str) -> None:
    with pytest.raises(CommandError) as raised:
        read(tmp_path, data, name)

    first, second, last = str(raised.value).splitlines()
    assert name in first
    assert name in second
    assert last == "2 records must be mended; nothing is kept"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        reply_file.read(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="cannot be written"):
        reply_file.write(tmp_path / "none" / "x.csv", [SHORT])
    with pytest.raises(CommandError, match="cannot tell the format"):
        reply_file.write(tmp_path / "x.doc", [SHORT])


def test_columns_languages_and_days_are_read_as_a_chinese_excel_writes_them(tmp_path: Path) -> None:
    text = "编号,语言,内容,生效时间,失效时间\r\na,中文,您好,2026/1/2,2026/11/28 8:05\r\nb,zh-CN,在的,,\r\n"
    first, second = read(tmp_path, text.encode("gb18030"))

    assert (first.language, second.language) == ("zh", "zh")
    assert first.valid_from_time.ToJsonString() == "2026-01-02T00:00:00Z"
    assert first.valid_until_time.ToJsonString() == "2026-11-28T08:05:00Z"


def test_a_workbook_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="save it as “CSV UTF-8”"):
        read(tmp_path, b"PK", name="replies.xlsx")
