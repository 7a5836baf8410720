from __future__ import annotations

from benchmarks.table import render


def test_every_number_has_a_line_under_its_path() -> None:
    table = render({"a": {"b": 1.23456, "rate": 12345.6}, "c": [{"d": 1}, {"d": 2}], "e": (1.0, 2.0)})

    assert [line.split(maxsplit=1) for line in table.splitlines()] == [
        ["a.b", "1.23"],
        ["a.rate", "12,346"],
        ["c[0].d", "1"],
        ["c[1].d", "2"],
        ["e", "1, 2"],
    ]
