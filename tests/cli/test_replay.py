from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from yingda.cli import export, program
from yingda.sync_client import SyncClient

from tests.cli.conftest import Server

Yingda = Callable[..., str]
MISSING = "pyarrow is not installed: pip install 'yingda[parquet]'"


@pytest.fixture
def conversation_id(shared: Server) -> Iterator[str]:
    """A new conversation of two messages; closed after the test."""
    with SyncClient(shared.target) as client:
        customer_id = client.message("").message_id
        found = client.send("我的快递到哪了", customer_id=customer_id).conversation_id
        client.send("订单 2025111940057", customer_id=customer_id)
        yield found
        client.close_conversation(found)


def test_replay_shows_a_conversation_again(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("replay", conversation_id, "--speed", "100")

    assert text.count("message received") == 2
    assert "+    0.000 s" in text
    assert "[assigned " in text
    assert "我的快递到哪了" in text


def test_replay_prints_a_line_of_json_for_each_event(yingda: Yingda, conversation_id: str) -> None:
    lines = [json.loads(line) for line in yingda("replay", conversation_id, "--json").splitlines()]

    assert [line["event"]["message_received"]["message"]["text"] for line in lines] == [
        "我的快递到哪了",
        "订单 2025111940057",
    ]
    assert lines[-1]["conversation"]["conversation_id"] == conversation_id


@pytest.mark.parametrize(("pressed", "shown"), [("", 1), ("\n\n\n", 2)])
def test_replay_goes_step_by_step(
    yingda: Yingda, conversation_id: str, pressed: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(pressed))

    assert yingda("replay", conversation_id, "--step").count("message received") == shown


def test_replay_wants_a_conversation(yingda: Yingda) -> None:
    assert "name a CONVERSATION" in yingda("replay", code=1)


def test_diff_under_the_same_bundle_and_policy_finds_nothing(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("replay", conversation_id, "--diff")
    found = json.loads(yingda("replay", conversation_id, "--diff", "--json"))

    assert "No difference." in text
    assert (found["event_count"], found["different_count"]) == (2, 0)


def test_diff_shows_what_another_policy_would_decide(
    yingda: Yingda, conversation_id: str, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("auto_accept = false\n", encoding="utf-8")
    found = json.loads(yingda("replay", "--diff", "--since", "1h", "--policy", str(policy), "--json"))
    text = yingda("replay", conversation_id, "--diff", "--policy", str(policy))

    assert found["by_field"]["assignment.outcome"] >= 1
    assert "assignment.outcome" in text


def test_a_policy_file_that_is_not_there_is_named(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("replay", conversation_id, "--diff", "--policy", "nowhere.toml", code=1)

    assert "cannot read nowhere.toml" in text


def test_show_tells_how_a_conversation_stood(yingda: Yingda, conversation_id: str) -> None:
    found = json.loads(yingda("conversations", "show", conversation_id, "--as-of", "0s", "--json"))

    assert found["conversation_id"] == conversation_id
    assert "was not open" in yingda("conversations", "show", conversation_id, "--as-of", "2020-01-01", code=1)


def test_events_are_narrowed_by_kind(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("conversations", "events", conversation_id, "--kind", "conversation_closed")

    assert "Nothing happened yet." in text


def test_export_writes_a_line_for_each_event(yingda: Yingda, conversation_id: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    yingda("conversations", "export", conversation_id, "--output", str(path))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    assert [row["kind"] for row in rows] == ["message_received"] * 2
    assert rows[0]["data"]["message"]["text"] == "我的快递到哪了"
    assert rows[0]["commit_sequence"] <= rows[0]["sequence"]
    assert "name a new file" in yingda("conversations", "export", "--output", str(path), code=1)


def test_export_of_feedback_needs_deeds(yingda: Yingda, conversation_id: str) -> None:
    assert yingda("conversations", "export", "--feedback", "--until", "2020-01-01") == "yingda: 0 rows\n"


@pytest.mark.parametrize("moment", ["yesterday", "25:00", "2026-13-01", "5w"])
def test_a_moment_that_is_none_is_refused(moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.run(["replay", "c1", "--from", moment])

    assert "is no moment" in capsys.readouterr().err


def arrow() -> Any:  # noqa: ANN401
    """Parquet's reader; where it is not installed the test is skipped and says so, in CI it fails instead."""
    if os.environ.get("CI") and not find_spec("pyarrow"):
        pytest.fail(MISSING)
    return pytest.importorskip("pyarrow.parquet", reason=MISSING)


def test_parquet_holds_what_a_line_of_json_holds(
    yingda: Yingda, conversation_id: str, tmp_path: Path
) -> None:
    parquet, lines = tmp_path / "journal.parquet", tmp_path / "journal.jsonl"
    reader = arrow()
    yingda("conversations", "export", conversation_id, "--output", str(lines))
    said = yingda("conversations", "export", conversation_id, "--format", "parquet", "--output", str(parquet))
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    found = reader.read_table(parquet).to_pylist()

    assert [{**one, "data": json.loads(one["data"])} for one in found] == rows
    assert len(rows) == 2
    assert "2 rows" in said
    assert "name a new file" in yingda(
        "conversations", "export", "--format", "parquet", "--output", str(parquet), code=1
    )


def test_parquet_of_nothing_is_a_table_all_the_same(yingda: Yingda, tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    reader = arrow()
    yingda("conversations", "export", "--format", "parquet", "--until", "2020-01-01", "--output", str(path))

    table = reader.read_table(path)
    assert table.num_rows == 0
    assert table.column_names[:4] == ["sequence", "conversation_id", "create_time", "kind"]


def test_parquet_is_written_part_by_part(
    yingda: Yingda, conversation_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "parts.parquet"
    reader = arrow()
    monkeypatch.setattr(export, "_PROGRESS", 1)
    yingda("conversations", "export", conversation_id, "--format", "parquet", "--output", str(path))

    assert reader.ParquetFile(path).num_row_groups == 2


def test_parquet_goes_to_a_file(yingda: Yingda) -> None:
    assert "name one with --output" in yingda("conversations", "export", "--format", "parquet", code=1)


def test_a_customer_is_deleted_for_good(yingda: Yingda, shared: Server) -> None:
    with SyncClient(shared.target) as client:
        client.send("寄到桑树巷七号的包裹一直没有收到", customer_id="cu-gone")
    refused = yingda("delete-customer", "cu-gone", code=1)
    found = json.loads(yingda("delete-customer", "cu-gone", "--yes", "--json"))

    assert "say --yes if you mean it" in refused
    assert (found["conversation_count"], found["remaining_count"]) == (1, 0)
    assert found["event_count"] >= 1
