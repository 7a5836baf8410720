from __future__ import annotations

import json

import pytest

from benchmarks import redis_process, stores
from tests.engine.stores.redis_server import require_redis


def measured(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, float]]:
    assert stores.main(["--json", "--batch", "8", "--batches", "2", "--stores", *words]) == 0
    found: dict[str, dict[str, float]] = json.loads(capsys.readouterr().out)["stores"][words[0]]
    return found


def test_the_embedded_store_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, "sqlite")

    assert set(found) == {"opened", "followed"}
    assert all(part["commits_per_second"] > 0 for part in found.values())


def test_redis_is_measured_with_its_server(capsys: pytest.CaptureFixture[str]) -> None:
    require_redis()

    assert measured(capsys, "redis")["opened"]["servers_cpu_us_per_message"] > 0


def test_without_redis_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_process, "is_installed", lambda: False)

    assert stores.main(["--stores", "redis"]) == 2
    assert "apt-get install redis-server" in capsys.readouterr().err


def test_an_unknown_store_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stores.main(["--stores", "mysql"])

    assert "redis-cluster" in capsys.readouterr().err
