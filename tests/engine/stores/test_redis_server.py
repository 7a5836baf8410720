from __future__ import annotations

import pytest

from benchmarks import redis_process
from tests.engine.stores.redis_server import require_redis


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_process, "is_installed", lambda: False)


def test_without_redis_a_test_is_skipped_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="apt-get install redis-server"):
        require_redis()


def test_without_redis_a_test_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")

    with pytest.raises(pytest.fail.Exception, match="apt-get install redis-server"):
        require_redis()
