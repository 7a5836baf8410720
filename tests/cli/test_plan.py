from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from yingda.cli import capacity, program
from yingda.cli.capacity import Costs, Demand
from yingda.cli.errors import CommandError

COSTS = Costs(
    date="2026-01-01",
    machine="a machine",
    cpu_us={"single": {"gateway": 500.0, "engine": 1000.0}, "frames": {"gateway": 10.0, "engine": 100.0}},
    idle_mb={"gateway": 50.0, "engine": 250.0},
    redis={
        "engine_us": 20.0,
        "server_us": 100.0,
        "bytes_per_message": 1000.0,
        "bytes_per_conversation": 2000.0,
    },
    disk_bytes_per_message=1000.0,
    memory_bytes={"conversation": 1000.0, "agent": 500.0, "reply": 2000.0},
    growth={
        "conversations": [(1_000_000, 1.0), (2_000_000, 1.0)],
        "agents": [(10, 1.0), (1000, 2.0)],
        "replies": [(1000, 1.0), (10_000, 1.5)],
    },
)
DEMAND = Demand(messages_per_day=86_400, peak=100, agents=10, replies=100, retention_days=30, way="single")
SHOP = ["plan", "--messages-per-day", "2300000", "--peak", "1200"]


def test_a_small_desk_is_one_engine_with_the_embedded_store() -> None:
    found = capacity.plan(DEMAND, COSTS)

    assert (found.store, found.gateways, found.engines) == ("sqlite", 1, 1)
    assert found.cores_by_service == {"gateway": 0.08, "engine": 0.17}
    assert found.disk_gb == round(86_400 * 30 * 1000 * 1.25 / 2**30, 1)


def test_more_than_one_engine_can_do_takes_redis_and_its_cost() -> None:
    found = capacity.plan(replace(DEMAND, peak=1200), COSTS)

    assert (found.store, found.gateways, found.engines) == ("redis", 1, 3)
    assert found.cpu_us_per_message == {"gateway": 500.0, "engine": 1020.0, "redis": 100.0}
    assert found.cores == 4
    assert found.redis_memory_gb > 0


def test_frames_cost_less_than_single_calls() -> None:
    found = capacity.plan(replace(DEMAND, peak=1200, way="frames"), COSTS)

    assert (found.store, found.cores) == ("sqlite", 1)


def test_more_agents_make_a_message_dearer_between_what_was_measured() -> None:
    assert capacity.ratio(COSTS.growth["agents"], 100) == pytest.approx(1.5)
    assert capacity.ratio(COSTS.growth["agents"], 1) == 1.0
    assert capacity.ratio(COSTS.growth["agents"], 5000) == 2.0


def test_sizes_beyond_the_measured_ones_are_noted() -> None:
    (note,) = capacity.plan(replace(DEMAND, agents=5000), COSTS).notes

    assert note.startswith("5,000 agents are more than were measured (1,000)")


def test_a_peak_below_the_average_is_refused_with_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["plan", "--messages-per-day", "2300000", "--peak", "10"]) == 1
    assert "give --peak 27 or more" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--messages-per-day", "--peak", "--agents", "--retention-days"])
def test_a_bad_number_is_refused_with_its_flag(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.run([*SHOP, flag, "0"])

    assert f"argument {flag}" in capsys.readouterr().err


def test_the_plan_is_printed_with_its_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(SHOP) == 0
    said = capsys.readouterr().out

    assert all(word in said for word in ("cores", "--engines", "60% of each core", "headroom", "measured"))


def test_json_holds_demand_plan_and_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([*SHOP, "--agents", "50", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)

    assert said["demand"]["agents"] == 50
    assert said["plan"]["cores"] >= 1
    assert said["assumptions"]["headroom"]


def test_costs_that_are_missing_are_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.json .*benchmarks\.growth --record"):
        capacity.read_costs(tmp_path / "none.json")
