from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import plot, whole
from benchmarks.process import ROOT

READINGS = [{"seconds": 60.0 * one, "gateway_mb": 60.0, "engine_mb": 300.0} for one in range(3)]
UNARY = [{"rate": rate, "latency_ms": {"p50": 1.0, "p99": 3.0}} for rate in (300.0, 1500.0)]


def test_each_part_that_was_measured_is_drawn() -> None:
    grown = {"agents": [{"size": 10, "cpu_us": 100.0}, {"size": 1000, "cpu_us": 120.0}]}
    report = {"load": {"unary": UNARY}, "growth": grown, "soak": {"readings": READINGS}}
    found = {one.title: one.lines for one in whole.charts(report)}

    assert found["SendMessage"]["p99"] == [(300.0, 3.0), (1500.0, 3.0)]
    assert found["Cost of a message"]["agents"] == [(1.0, 100.0), (3.0, 120.0)]
    assert found["Memory under load"]["engine"][-1] == (2.0, 300.0)


def test_nothing_measured_is_a_page_without_lines() -> None:
    assert "<svg" not in plot.page("nothing", list(whole.charts({})))


def test_a_part_that_fails_is_named_and_the_others_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "PARTS", {"load": ("--frame", "0"), "growth": ("--most", "5")})

    assert whole.main(["--only", "load,growth", "--page", str(tmp_path / "bench.html")]) == 1
    report = json.loads(capsys.readouterr().out)
    assert "--frame" in report["failed"]["load"]
    assert "--most 5" in report["failed"]["growth"]
    assert (tmp_path / "bench.html").is_file()


def test_every_part_knows_its_flags() -> None:
    for name in whole.PARTS:
        assert (ROOT / "benchmarks" / f"{name}.py").is_file() or (
            ROOT / "benchmarks" / name / "__main__.py"
        ).is_file()
