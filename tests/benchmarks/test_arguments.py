from __future__ import annotations

import pytest

from benchmarks.arguments import parse
from benchmarks.settings import FULL, QUICK


def test_nothing_given_is_the_quick_run() -> None:
    assert parse([]) == (QUICK, False)


def test_what_is_given_replaces_a_value_of_the_full_run() -> None:
    settings, _ = parse(["--full", "--seed", "7"])

    assert settings.rates == FULL.rates
    assert settings.seed == 7


def test_rates_are_a_list() -> None:
    settings, _ = parse(["--rate", "300,1500"])

    assert settings.rates == (300.0, 1500.0)


def test_sections_run_in_their_own_order() -> None:
    settings, _ = parse(["--only", "floor,stream"])

    assert settings.sections == ("stream", "floor")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "nothing"], "is none of start, stream"),
        (["--frame", "513"], "is not 1 to 512"),
        (["--agents", "7"], "is not 8 to 1000"),
        (["--streams", "0"], "is not 1 to 16"),
        (["--rate", "0"], "is not above 0"),
        (["--seconds", "soon"], "invalid"),
        (["--json", "--table"], "not allowed with"),
    ],
)
def test_bad_words_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)

    assert said in capsys.readouterr().err
