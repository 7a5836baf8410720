from __future__ import annotations

from pathlib import Path

import pytest

from models import checks, similarity
from models.__main__ import main
from models.dataset import Kind, Utterance, read
from tests.bundles import write_pack


def utterance(text: str, author: str) -> Utterance:
    return Utterance(
        text=text,
        lang="en",
        intents=("chat.greeting",),
        sentiment="neutral",
        anger=False,
        kind=Kind.PLAIN,
        author=author,
    )


LONG = "could you please tell me where my parcel is right now"


def test_the_same_words_by_two_authors_are_a_leak() -> None:
    found = checks.find_leaks([utterance(LONG, "a01"), utterance(LONG.capitalize() + ".", "a02")])

    assert [(copy.first, copy.second) for copy in found] == [(0, 1)]


def test_one_author_may_repeat_and_short_messages_may_be_shared() -> None:
    rows = [
        utterance(LONG, "a01"),
        utterance(LONG + ".", "a01"),
        utterance("hi", "a01"),
        utterance("hi", "a02"),
    ]

    assert checks.find_leaks(rows) == []


def test_other_words_are_no_copy() -> None:
    assert similarity.find_copies(["where is my parcel", "when do you ship my parcel"]) == []


def test_a_small_pack_fails_the_check_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    folder = write_pack(tmp_path / "pack")

    assert main(["dataset", "check", "--pack", str(folder)]) == 2
    assert "dialogues" in capsys.readouterr().err
    assert not checks.check(read(folder))[0].passed
