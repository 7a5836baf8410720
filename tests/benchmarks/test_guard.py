from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import guard

pytestmark = pytest.mark.slow
RECORDED = json.loads(guard.RECORDED.read_text(encoding="utf-8"))


def test_a_message_costs_no_more_than_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    failed = guard.main([])

    assert not failed, capsys.readouterr().out


def test_more_than_is_allowed_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cheaper = {
        name: value / 1.3 if name == "calls_per_message" else value for name, value in RECORDED.items()
    }
    monkeypatch.setattr(guard, "RECORDED", tmp_path / "recorded.json")
    monkeypatch.setattr(guard, "measure", lambda: RECORDED)
    guard.RECORDED.write_text(json.dumps(cheaper), encoding="utf-8")

    assert guard.main([]) == 1
    assert capsys.readouterr().out.count("beyond what is allowed") == 1
