"""One Redis or a Redis Cluster, as the store uses it: commands, functions, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, TypeVar

from redis import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from engine.errors import StorageError

R = TypeVar("R")
Command = tuple[object, ...]
FAILURES = (RedisError, RedisClusterException, OSError)
LIBRARY = "yingda_2"  # as the first line of redis.lua names it
_CODE = (
    "redis.lua",
    "redis_agents.lua",
    "redis_assist.lua",
    "redis_workflow.lua",
    "redis_bots.lua",
    "redis_archive.lua",
    "redis_reads.lua",
)
_REPLICAS_MS = 1000  # how long replicas may take to confirm
_UNKNOWN_FUNCTION = "Function not found"


class RedisClient:
    """Runs commands. Safe to share between threads.

    A command is tried again over a lost connection, so every one that is sent must bear it. `losses` counts the
    commands that failed for good: whoever remembers what Redis held looks again when it has changed, since another
    server, behind the one that was lost, may have taken over.
    """

    def __init__(self, connection: Redis | RedisCluster) -> None:
        self._connection: Any = connection  # redis-py's types leave half of the cluster out
        self._is_cluster = isinstance(connection, RedisCluster)
        self.losses = 0

    def call(self, *command: object) -> Any:  # noqa: ANN401
        """The reply. Raises: StorageError."""
        return self._with_functions(lambda: self._connection.execute_command(*command))

    def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, in order, in one round trip to each server. Raises: StorageError where one failed."""
        return self._with_functions(lambda: self._run_all(commands)) if commands else []

    def call_in_order(self, first: Sequence[Command], then: Sequence[Command]) -> list[Any]:
        """The replies to the first, all of which are done before the others. Raises: StorageError.

        One round trip to a single Redis; the servers of a cluster know no order among them, so it takes two there.
        """
        if not self._is_cluster:
            return self.call_all([*first, *then])[: len(first)]
        replies = self.call_all(first)
        self.call_all(then)
        return replies

    def function(self, name: str, prefix: str, *arguments: object) -> Any:  # noqa: ANN401
        """What a function that writes gives. Raises: StorageError."""
        return self.call(*self.function_command(name, prefix, *arguments))

    def function_command(self, name: str, prefix: str, *arguments: object) -> Command:
        """For `call_all`."""
        return ("FCALL", f"{LIBRARY}_{name}", 1, prefix, *arguments)

    def read(self, name: str, prefix: str, *arguments: object) -> Any:  # noqa: ANN401
        """What a function that only reads gives. Raises: StorageError."""
        return self.call("FCALL_RO", f"{LIBRARY}_{name}", 1, prefix, *arguments)

    def load_functions(self) -> None:
        """Put the functions on every master; one that joins the cluster later gets it at its first call."""
        parts = (files("engine.stores").joinpath(name) for name in _CODE)
        code = "\n".join(part.read_text(encoding="utf-8") for part in parts)
        for master in self.masters():
            master.execute_command("FUNCTION", "LOAD", "REPLACE", code)

    def masters(self) -> list[Any]:
        """A client for each server that takes writes."""
        if self._is_cluster:
            nodes = self._connection.get_primaries()
            return [self._connection.get_redis_connection(node) for node in nodes]
        return [self._connection]

    def await_replicas(self, prefixes: Sequence[str], replicas: int) -> None:
        """Return once as many replicas hold all that was written to these tenants. Raises: StorageError."""
        with self._errors():
            found = [self._replicas_of(prefix, replicas) for prefix in prefixes]
        if found and min(found) < replicas:
            raise StorageError(
                f"the store wrote, but only {min(found)} of {replicas} replicas confirmed within {_REPLICAS_MS} ms:"
                " start the replicas, or set wait_replicas lower"
            )

    def scan(self, prefix: str, pattern: str, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """Where to go on, 0 behind the last, and some keys of the pattern, which lie where the prefix does.

        Raises: StorageError.
        """
        with self._errors():
            master = self._master_of(prefix)
            found: tuple[int, list[bytes]] = master.scan(cursor=cursor, match=pattern, count=count)
        return found

    def rewrite_files(self) -> list[str]:
        """Tell every master to write its files anew; what each was told. Raises: StorageError where one refuses."""
        told: list[str] = []
        with self._errors():
            for master in self.masters():
                settings = master.connection_pool.connection_kwargs
                name = settings.get("path") or f"{settings.get('host')}:{settings.get('port')}"
                commands = ("BGREWRITEAOF",) if master.info("persistence")["aof_enabled"] else ()
                for command in (*commands, "BGSAVE SCHEDULE"):
                    master.execute_command(*command.split())
                    told.append(f"{name} {command}")
        return told

    def pubsub(self) -> Any:  # noqa: ANN401
        """A connection that hears channels, to a server that answers; a cluster's pass on what any of them publishes.

        Raises: StorageError.
        """
        with self._errors():
            masters = self.masters()
            for master in masters[:-1]:
                with suppress(*FAILURES):  # the next one may do
                    master.ping()
                    return master.pubsub()
            masters[-1].ping()
            return masters[-1].pubsub()

    def close(self) -> None:
        """Close every connection."""
        self._connection.close()

    def _replicas_of(self, prefix: str, replicas: int) -> int:
        # WAIT counts from the last write of its own connection, so it follows one: replicas confirm in order.
        pipeline = self._master_of(prefix).pipeline(transaction=False)
        pipeline.execute_command("SET", f"{prefix}:wait", 1)
        pipeline.execute_command("WAIT", replicas, _REPLICAS_MS)
        return int(pipeline.execute()[1])

    def _master_of(self, prefix: str) -> Any:  # noqa: ANN401
        if self._is_cluster:
            return self._connection.get_redis_connection(self._connection.get_node_from_key(prefix))
        return self._connection

    def _run_all(self, commands: Sequence[Command]) -> list[Any]:
        pipeline: Any = (
            self._connection.pipeline() if self._is_cluster else self._connection.pipeline(transaction=False)
        )
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def _with_functions(self, run: Callable[[], R]) -> R:
        """What `run` gives; it is run again where a server had lost the functions, or never had them."""
        with self._errors():
            try:
                return run()
            except ResponseError as error:
                if _UNKNOWN_FUNCTION not in str(error):
                    raise
            self.load_functions()
            return run()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            self.losses += 1
            raise StorageError(f"Redis failed: {error}") from error
