from __future__ import annotations

from pathlib import Path

import pytest

from models import splitting, spreadsheet
from models.errors import InputError

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = ["text,intent"]
    lines += [f"{one} {other} please,book" for one in NUMBERS[:5] for other in NUMBERS[5:]]
    lines += [f"how far is {one},way" for one in NUMBERS[:6]] + ["how far is zero!!,way"]
    (tmp_path / "my.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "my.csv"


def test_both_parts_have_everything_between_them_and_nothing_in_common(data: Path) -> None:
    train, test = (spreadsheet.read(path, least=1) for path in splitting.split(data, 0.2))

    assert len(train) + len(test) == 32
    assert {row.text for row in train}.isdisjoint({row.text for row in test})
    assert sum("book" in row.intents for row in test) == 5


def test_enough_is_left_to_train_on(data: Path) -> None:
    train, _ = splitting.split(data, 0.9)

    assert sum("way" in row.intents for row in spreadsheet.read(train)) >= spreadsheet.LEAST


def test_near_copies_stay_together(data: Path) -> None:
    parts = [{row.text for row in spreadsheet.read(path, least=1)} for path in splitting.split(data, 0.2)]

    assert any({"how far is zero", "how far is zero!!"} <= part for part in parts)


def test_it_is_the_same_every_time(data: Path) -> None:
    first = [path.read_bytes() for path in splitting.split(data, 0.2)]

    assert first == [path.read_bytes() for path in splitting.split(data, 0.2)]


def test_a_share_that_is_none_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="must be above 0 and below 1"):
        splitting.split(data, 1.0)
