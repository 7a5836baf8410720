from __future__ import annotations

import json

import pytest
from rich.cells import cell_len
from yingda.cli import render
from yingda.v1.agent_pb2 import Agent

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("width", range(2, 14))
def test_a_shortened_text_never_passes_its_width(width: int) -> None:
    assert cell_len(render.shortened("我的快递 where 到哪了", width)) <= width


def test_a_text_that_fits_is_left_alone() -> None:
    assert render.shortened("快递ab", 6) == "快递ab"


def test_columns_stand_below_each_other_where_characters_are_wide(capsys: Captured) -> None:
    render.print_table(("text", "n"), [("快递到哪了", "1"), ("where", "2")], empty="")
    _, _, chinese, english = capsys.readouterr().out.splitlines()

    assert cell_len(chinese.partition("1")[0]) == cell_len(english.partition("2")[0])


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_keeps_within_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    render.print_table(("id", "text"), [("a", "很长的一句话，没有空格" * 20)], empty="")

    assert max(map(cell_len, capsys.readouterr().out.splitlines())) <= columns


def test_an_id_stays_whole(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    render.print_table(("id", "text"), [("c-0f1e2d3c4b5a69788796", "word " * 30)], empty="")

    assert "c-0f1e2d3c4b5a69788796" in capsys.readouterr().out


def test_what_others_wrote_is_shown_not_obeyed(capsys: Captured) -> None:
    render.print_table(("text",), [("[bold]x[/bold] :smile: \x1b[31mred\x07\r\nnext",)], empty="")
    shown = capsys.readouterr().out

    assert "[bold]x[/bold] :smile:" in shown
    assert not {"\x1b", "\x07", "\r"} & set(shown)


def test_an_empty_table_says_what_to_do(capsys: Captured) -> None:
    render.print_table(("id",), [], empty="No agents yet.")

    assert capsys.readouterr().out == "No agents yet.\n"


def test_json_names_fields_as_the_contracts_do_and_leaves_none_out(capsys: Captured) -> None:
    render.print_messages([Agent(agent_id="lin", name="林")])
    (agent,) = json.loads(capsys.readouterr().out)

    assert agent["agent_id"] == "lin"
    assert agent["load"] == 0


def test_a_number_that_this_release_does_not_know_is_shown() -> None:
    assert render.channel_name(4711) == "4711"  # type: ignore[arg-type]
