"""From the setting `store` to a Redis that can be trusted with the state, or an error that says what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis import Redis, RedisCluster
from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

from engine.errors import StartError
from engine.stores.redis_client import FAILURES, RedisClient

OLDEST = (7, 0)  # functions came with it
_PORT = 6379
_SINGLE = ("redis", "rediss", "unix")
_CLUSTER = ("redis+cluster", "rediss+cluster")
_TRIES = 3  # after the first; with the pauses between them, a third of a second
_CONNECT = 1.0  # seconds
_REPLY = 5.0  # seconds


def connect(url: str) -> RedisClient:
    """A client with the functions loaded, for "redis://host:port/db" or "redis+cluster://host:port,host:port".

    `rediss` in place of `redis` is over TLS; a user and password may stand before the hosts. Raises: StartError.
    """
    parts = urlsplit(url)
    if parts.scheme not in (*_SINGLE, *_CLUSTER):
        raise StartError(f"store: {parts.scheme or url!r} is none of {', '.join((*_SINGLE, *_CLUSTER))}")
    where = parts.netloc.rpartition("@")[2] or parts.path  # never the password
    is_cluster = parts.scheme in _CLUSTER
    try:
        client = RedisClient(_cluster(parts) if is_cluster else Redis.from_url(url, **_options()))
        for master in client.masters():
            _check(master.info("everything"), where, is_cluster=is_cluster)
        client.load_functions()
    except (*FAILURES, ValueError) as error:
        raise StartError(_problem(where, error, is_cluster=is_cluster)) from error
    return client


def _options() -> dict[str, Any]:
    return {
        "protocol": 2,
        "socket_timeout": _REPLY,
        "socket_connect_timeout": _CONNECT,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), _TRIES),
    }


def _cluster(parts: SplitResult) -> RedisCluster:
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    cluster = RedisCluster(
        startup_nodes=[_node(host) for host in hosts.split(",")],
        username=unquote(user) or None,
        password=unquote(password) or None,
        ssl=parts.scheme.startswith("rediss"),
        **_options(),
    )
    _show_keys(cluster)
    return cluster


def _show_keys(cluster: Any) -> None:  # noqa: ANN401
    """Tell redis-py which argument of a function call is its key.

    It would send each call to some server first, whole, to ask; to one that may be dead, at that.
    """
    ask = cluster.commands_parser.get_keys

    def get_keys(connection: object, *command: object) -> object:
        return [command[3]] if command[0] in ("FCALL", "FCALL_RO") else ask(connection, *command)

    cluster.commands_parser.get_keys = get_keys


def _node(text: str) -> ClusterNode:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(_PORT))
    return ClusterNode(host.strip("[]"), int(port))  # type: ignore[no-untyped-call]


def _check(info: Mapping[str, Any], where: str, *, is_cluster: bool) -> None:
    """Raises: StartError where the state would not be safe with this server."""
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise StartError(f"{where} is Redis {version}: Yingda needs 7.0 or newer; upgrade it")
    if not is_cluster and info.get("cluster_enabled"):
        raise StartError(
            f"{where} is part of a Redis Cluster: write store as redis+cluster:// with its nodes"
        )
    if info.get("role") != "master":
        raise StartError(f"{where} is a replica of {info.get('master_host')}: name its master in store")
    if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        raise StartError(
            f"{where} may throw state away (maxmemory-policy {info['maxmemory_policy']}):"
            " set maxmemory-policy noeviction"
        )


def _problem(where: str, error: Exception, *, is_cluster: bool) -> str:
    text = str(error)
    if "luster mode is not enabled" in text:
        return f"{where} is no Redis Cluster: write store as redis://, or create the cluster"
    if "slots" in text.lower():
        return (
            f"the Redis Cluster at {where} does not serve every slot: see redis-cli --cluster check, then fix"
        )
    if isinstance(error, RedisClusterException | RedisError | OSError):
        kind = "a Redis Cluster" if is_cluster else "Redis"
        return f"cannot use {kind} at {where} ({text}): start it, or set store to where it is"
    return f"store: {text}; write redis://host:port/0 or redis+cluster://host:port,host:port"
