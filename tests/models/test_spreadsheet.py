from __future__ import annotations

from pathlib import Path

import pytest

from models import spreadsheet
from models.errors import PackError

GOOD = [
    ("book a room", "book"),
    ("rooms free tonight", "book"),
    ("双人间还有吗", "book"),
    ("我要订房", "book"),
]
GOOD += [("reserve for two", "book")] + [(f"where are you {number}", "way") for number in range(5)]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "my.csv"
    path.write_bytes(text.encode(encoding))
    return path


def csv_of(*extra: str, header: str = "text,intent", columns: int = 2) -> str:
    padding = "," * (columns - 2)
    return "\n".join([header, *(f"{text},{intent}{padding}" for text, intent in GOOD), *extra]) + "\n"


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(PackError) as raised:
        spreadsheet.read(write(folder, text))
    return str(raised.value)


def test_messages_are_read_with_their_languages(tmp_path: Path) -> None:
    rows = spreadsheet.read(write(tmp_path, csv_of()))

    assert [row.lang for row in rows] == ["en", "en", "zh", "zh", "en", "en", "en", "en", "en", "en"]
    assert rows[0].number == 2
    assert rows[0].anger is None


def test_a_file_of_excel_in_chinese_is_read(tmp_path: Path) -> None:
    rows = spreadsheet.read(write(tmp_path, csv_of(), encoding="gb18030"))

    assert rows[2].text == "双人间还有吗"


def test_a_message_that_stands_there_twice_is_read_once(tmp_path: Path) -> None:
    assert len(spreadsheet.read(write(tmp_path, csv_of("book a room,book")))) == len(GOOD)


FULL = "text,intent,lang,skill,anger"
MISTAKES = {
    "no text column": (csv_of(header="message,intent"), "row 1, column text: is missing"),
    "no intent column": (csv_of(header="text,label"), "row 1, column intent: is missing"),
    "an unknown column": (
        csv_of(header="text,intent,colour", columns=3),
        "row 1, column colour: is unknown; name it text, intent, lang, skill, anger, author, or remove it",
    ),
    "a column twice": (
        csv_of(header="text,intent,text", columns=3),
        "row 1, column text: stands there twice",
    ),
    "an empty text": (csv_of(",book"), "row 12, column text: is empty; fill it in, or remove the row"),
    "an empty intent": (csv_of("hello,"), "row 12, column intent: is empty"),
    "a comma too many": (csv_of("hello, you,book"), "row 12, column intent: is followed by more cells"),
    "a strange language": (
        csv_of("bonjour,book,fr,,", header=FULL, columns=5),
        "row 12, column lang: 'fr' is not zh or en; write one of them, or leave it empty",
    ),
    "a strange anger": (
        csv_of("grr,book,en,,very", header=FULL, columns=5),
        "row 12, column anger: 'very' is not 0 or 1",
    ),
    "a strange skill": (
        csv_of("hi,book,en,the desk,", header=FULL, columns=5),
        "row 12, column skill: 'the desk' is no skill",
    ),
    "two skills of an intent": (
        csv_of("a bed,bed,en,desk,", "b bed,bed,en,bar,", header=FULL, columns=5),
        "row 13, column skill: bed has the skill desk in row 12; give it one",
    ),
    "a text too long": (csv_of("x" * 9000 + ",book"), "row 12, column text: is 9000 bytes long"),
    "a name that is none": (csv_of("hi,a\tb"), "row 12, column intent: 'a\\tb' is no name"),
    "two labels of a text": (
        csv_of("book a room,way"),
        "row 12, column intent: row 2 has the same text as book; label both alike",
    ),
    "too few messages": (
        csv_of("a,rare", "b,rare"),
        "row 12, column intent: rare has 2 messages; write 3 more",
    ),
    "one intent": (
        "text,intent\n" + "\n".join(f"t{n},a" for n in range(6)),
        "row 2, column intent: is the same",
    ),
    "an empty file": ("", "row 1, column text: the file is empty"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_named_with_row_column_and_fix(tmp_path: Path, text: str, message: str) -> None:
    assert message in mistakes(tmp_path, text)


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    said = mistakes(tmp_path, csv_of(",book", "hello,", "bonjour,book,fr,,", header=FULL, columns=5))

    assert "has 3 mistakes; nothing was trained" in said
    assert [line.split(",")[0].strip() for line in said.splitlines()[1:]] == ["row 12", "row 13", "row 14"]


def test_bytes_that_are_no_text_are_found(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes(b"text,intent\nfine,a\n\xff\xff\xff,a\n")

    with pytest.raises(PackError, match=r"row 3, column unknown: neither UTF-8 nor GB18030"):
        spreadsheet.read(path)
