from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from models.__main__ import main


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The programs that were run instead of being run; each of them fails."""
    found: list[Sequence[str]] = []

    def run(words: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        found.append(words)
        return subprocess.CompletedProcess(words, 1)

    monkeypatch.setattr(subprocess, "run", run)
    return found


@pytest.mark.parametrize(
    "words",
    [
        ["rollback", "--reason", "worse"],
        ["activate", "my-bundle", "--allow-older", "--reason", "more"],
        ["canary", "my-bundle", "--share", "0.2", "--json"],
        ["shadow", "--off"],
        ["status"],
    ],
    ids=lambda words: words[0],
)
def test_every_word_is_passed_on(ran: list[Sequence[str]], words: list[str]) -> None:
    assert main(words) == 2  # as the program failed
    assert ran == [[sys.executable, "-m", "yingda.cli", "models", *words]]


def test_other_commands_take_no_words_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "--colour"])

    assert "unrecognized arguments: --colour" in capsys.readouterr().err
