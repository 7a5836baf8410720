from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StartError
from engine.stores import redis_url as urls
from engine.stores.redis import open_store
from tests.engine.stores.redis_server import RedisServer, free_port, serving_redis

GOOD = {"redis_version": "7.0.15", "role": "master", "maxmemory": 0, "cluster_enabled": 0}


def failure(url: str) -> str:
    with pytest.raises(StartError) as raised:
        open_store(url).close()
    return str(raised.value)


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    assert "redis+cluster" in failure("mysql://localhost/0")


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_a_server_that_is_not_there_is_named(scheme: str) -> None:
    where = f"127.0.0.1:{free_port()}"

    assert where in failure(f"{scheme}://{where}")


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_a_password_is_not_told(scheme: str) -> None:
    assert "hunter2" not in failure(f"{scheme}://:hunter2@127.0.0.1:{free_port()}")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:port/0", "redis+cluster://127.0.0.1:port"])
def test_a_bad_port_is_refused_with_the_form(url: str) -> None:
    assert "write redis://host:port/0" in failure(url)


def test_a_server_of_a_cluster_is_not_taken_for_a_single_one(redis_cluster: list[RedisServer]) -> None:
    assert "write store as redis+cluster://" in failure(redis_cluster[0].url)


def test_a_single_server_is_not_taken_for_a_cluster(redis_server: RedisServer) -> None:
    assert "write store as redis://" in failure(f"redis+cluster://127.0.0.1:{redis_server.port}")


def test_a_cluster_without_all_slots_is_refused(tmp_path: Path) -> None:
    with serving_redis(tmp_path, "--cluster-enabled", "yes") as server:
        assert "does not serve every slot" in failure(f"redis+cluster://127.0.0.1:{server.port}")


def test_a_server_that_throws_keys_away_is_refused(tmp_path: Path) -> None:
    with serving_redis(tmp_path, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as server:
        assert "set maxmemory-policy noeviction" in failure(server.url)


def test_a_replica_is_refused_with_its_master(tmp_path: Path, redis_server: RedisServer) -> None:
    with serving_redis(tmp_path, "--replicaof", "127.0.0.1", str(redis_server.port)) as replica:
        assert "is a replica of 127.0.0.1" in failure(replica.url)


def test_a_wrong_password_is_told_as_such(tmp_path: Path) -> None:
    with serving_redis(tmp_path, "--requirepass", "secret") as server:
        assert "password" in failure(f"redis://:wrong@127.0.0.1:{server.port}/0")
        open_store(f"redis://:secret@127.0.0.1:{server.port}/0").close()


@pytest.mark.parametrize("version", ["6.2.14", "5.0.0"])
def test_an_old_redis_is_refused(version: str) -> None:
    with pytest.raises(StartError, match=f"{version}.*7.0 or newer"):
        urls._check({**GOOD, "redis_version": version}, "there", is_cluster=False)


@pytest.mark.parametrize("version", ["7.0.15", "8.2.1", "255.255.255"])
def test_a_newer_redis_is_taken(version: str) -> None:
    urls._check({**GOOD, "redis_version": version}, "there", is_cluster=False)
