from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.errors import BenchmarkError
from benchmarks.soak import Reading
from benchmarks.soak_desk import Tally


def readings(memory: Callable[[float], float], count: int = 31) -> list[Reading]:
    """One a minute, with 600 messages each; the engine's memory is as told, in MiB at a minute."""
    return [
        Reading(
            seconds=60.0 * minute,
            messages=600 * minute,
            rss_mb={"gateway": 60.0, "engine": memory(minute)},
            cpu_seconds={"gateway": 0.1 * minute, "engine": 0.6 * minute},
            disk_mb=float(minute),
        )
        for minute in range(count)
    ]


def test_memory_that_stands_still_after_the_warm_up_is_flat() -> None:
    found = soak.summarize(readings(lambda minute: min(240 + 6 * minute, 300)), Tally())

    assert found["flat"]
    assert found["rss_mb_after_warm_up"]["engine"]["mb_per_hour"] == pytest.approx(0, abs=1)
    assert found["cpu_us_per_message"]["engine"] == pytest.approx(1000)
    assert found["disk"]["bytes_per_message"] == pytest.approx(2**20 / 600)


def test_memory_that_grows_by_more_than_a_twentieth_is_not_flat() -> None:
    found = soak.summarize(readings(lambda minute: 240 + 2 * minute), Tally())

    assert not found["flat"]
    assert found["rss_mb_after_warm_up"]["engine"]["mb_per_hour"] == pytest.approx(120)


def test_a_run_of_two_readings_says_nothing() -> None:
    with pytest.raises(BenchmarkError, match="--minutes"):
        soak.summarize(readings(lambda _: 240, count=2), Tally())


def test_the_page_draws_memory_of_each_process_and_the_store() -> None:
    found = soak.summarize(readings(lambda _: 240), Tally())
    page = soak.draw(found | {"parameters": {"rate": 200.0}})

    assert page.count("<polyline") == 3
    assert all(name in page for name in ("gateway", "engine", "store"))


@pytest.mark.slow
def test_a_short_soak_ends_with_every_kind_of_call_done_and_none_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = soak.main(["--minutes", "0.1", "--rate", "60", "--plot", str(tmp_path / "soak.html")])
    report = json.loads(capsys.readouterr().out)

    assert report["failed"] == {}
    assert {"message", "frame", "suggest", "activity", "heard"} <= report["done"].keys()
    assert report["readings"][-1]["engine_mb"] > 50
    assert status == (0 if report["flat"] else 1)
    assert "<svg" in (tmp_path / "soak.html").read_text(encoding="utf-8")
