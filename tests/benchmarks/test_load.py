from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks import load
from benchmarks.process import ROOT

TINY = ["--seconds=0.5", "--frame=16", "--streams=1", "--rate=20", "--agents=8"]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("sys.stdout.write", written.append)
        assert load.main(TINY) == 0
    return dict(json.loads("".join(written)))


@pytest.mark.slow
def test_every_section_is_measured(report: dict[str, Any]) -> None:
    assert report["start"]["seconds_to_serving"]["both"] > 0
    assert report["stream"]["messages"] > 0
    assert report["stream"]["cpu_us_per_message"]["engine"] > 0
    assert report["floor"]["stream"]["messages"] > 0
    assert report["ratio_to_floor"]["stream"] > 1


@pytest.mark.slow
def test_every_message_is_answered_and_finds_an_agent(report: dict[str, Any]) -> None:
    (unary,) = report["unary"]

    assert unary["answered"] == unary["sent"] > 0
    assert unary["errors"] == unary["lost"] == 0
    assert set(report["stream"]["assignments"]) == {"assigned", "kept"}


@pytest.mark.slow
def test_the_report_says_where_it_comes_from(report: dict[str, Any]) -> None:
    assert report["parameters"]["frame"] == 16
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["grpcio"]


@pytest.mark.slow
def test_the_profile_s_stages_add_up() -> None:
    command = [sys.executable, "-m", "benchmarks.profile", "--batches", "4", "--batch", "64", "--agents", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    report = json.loads(done.stdout)
    each = report["unseen_texts"]["us_per_message"]
    total = each.pop("total")

    assert sum(each.values()) == pytest.approx(total)
    assert {"decode", "records lookup", "analyze: features", "commit"} <= each.keys()
    assert report["unseen_texts"]["remembered_share"] == 0 < report["repeated_texts"]["remembered_share"]
