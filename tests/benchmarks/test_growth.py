from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from yingda.cli import capacity
from yingda.v1 import message_service_pb2

from benchmarks import growth, growth_case, growth_record, load, stores
from benchmarks.growth_case import Crowd
from tests.engine.stores.redis_server import require_redis


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (_, make) in list(growth.DIMENSIONS.items()):
        monkeypatch.setitem(growth.DIMENSIONS, name, ((2, 4), make))


@pytest.mark.usefixtures("small")
def test_each_size_has_a_row_with_its_ratio_to_the_smallest(capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main(["--json", "--turns", "1", "--only", "agents"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert [row["size"] for row in report["agents"]] == [2, 4]
    assert report["agents"][0]["ratio"] == 1.0
    assert all(row["cpu_us"] > 0 for row in report["agents"])
    assert "replies" not in report


def test_three_in_ten_messages_are_somebody_new_s() -> None:
    crowd = Crowd(iter(f"text {n}" for n in range(9999)), ["a", "b"], "seed")
    opened = [message_service_pb2.StreamMessagesRequest.FromString(one) for one in crowd.openings(300)]
    known = {one.customer_id for frame in opened for one in frame.messages}

    after = message_service_pb2.StreamMessagesRequest.FromString(crowd.frame(1000)).messages
    assert len(known) == 300
    assert 250 < len({one.customer_id for one in after} - known) < 350
    assert {one.tenant for one in after} == {"a", "b"}


def test_replies_are_as_many_as_asked_for_and_all_different() -> None:
    found = growth_case.replies(1000)

    assert found is not None
    assert len({one.reply_id for one in found}) == len({one.text for one in found}) == 1000


def test_a_size_below_the_smallest_is_refused_with_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main(["--most", "5", "--only", "agents"]) == 2
    assert "--most 5" in capsys.readouterr().err


def test_what_is_recorded_is_what_the_plan_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_redis()
    used = {"cpu_us_per_message": {"gateway": 10.0, "engine": 100.0}}

    async def outside(_: object) -> dict[str, Any]:
        return {"stream": used, "unary": [used], "start": {"idle_rss_mb": {"gateway": 50.0, "engine": 200.0}}}

    real = stores.measure
    monkeypatch.setattr(load, "measure", outside)  # both services are measured in test_load
    monkeypatch.setattr(stores, "measure", lambda name, _, __: real(name, 8, 2))
    monkeypatch.setattr(growth_record, "_FRAMES", 2)
    monkeypatch.setattr(growth_record, "COSTS", tmp_path / "costs.json")
    rows = [{"size": 1, "ratio": 1.0, "memory_mb": 1.0}, {"size": 1025, "ratio": 1.5, "memory_mb": 2.0}]
    before = {"cpu": "some", "load_1m": 0.5}
    growth_record.record(dict.fromkeys(growth.DIMENSIONS, rows), before)

    found = capacity.read_costs(tmp_path / "costs.json")
    assert found.machine == "some, load 0.5"
    assert found.memory_bytes["reply"] == 1024
    assert found.disk_bytes_per_message > 0
    assert found.redis["server_us"] >= 0


def test_a_record_without_every_dimension_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main(["--record", "--anyway", "--only", "agents", "--most", "10", "--turns", "1"]) == 2
    assert "leave out --only" in capsys.readouterr().err


def test_a_busy_machine_is_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (1000.0, 0.0, 0.0))

    assert growth.main(["--record"]) == 2
    assert "load 1000.0" in capsys.readouterr().err
