from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.__main__ import main


def predict(source: Path, target: Path, bundle: Path) -> int:
    return main(["predict", "--input", str(source), "--output", str(target), "--bundle", str(bundle)])


def test_predict_answers_every_line_in_order(bundle_folder: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    texts = ["快递到哪了", "refund me please", ""] * 200
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")

    assert predict(source, target, bundle_folder) == 0
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 600
    assert {"intent", "skill", "confidence", "sentiment", "anger"} <= rows[0].keys()
    assert [row["skill"] for row in rows[:2]] == ["logistics", "finance"]


@pytest.mark.parametrize("line", ["{", "[]", '{"text": 3}', '{"words": "hi"}', "\udcff"])
def test_a_bad_line_is_named(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "hi"}\n' + line.encode("utf-8", "surrogateescape") + b"\n")

    assert predict(source, tmp_path / "out.jsonl", bundle_folder) == 2
    assert "in.jsonl:2:" in capsys.readouterr().err


def test_a_missing_bundle_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "nowhere") == 2
    assert "no such bundle" in capsys.readouterr().err
