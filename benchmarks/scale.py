"""How much more goes through with more processes: `python -m benchmarks.scale --engines 1,2,4 --json`.

For each number as many engines, gateways and clients run, over one Redis or, with `--cluster`, over a cluster of three.
The clients keep streams full of frames of unseen texts, each stream with a tenant of its own. `cpu_us_per_message` is
that of all processes of a kind together; `cores_used` says whether the machine had enough of them. All of them, the
clients and Redis too, share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.driven import Driven, driven
from benchmarks.errors import BenchmarkError
from benchmarks.process import Service, spawned
from benchmarks.redis_process import RedisServer, cluster_url, serving_cluster, serving_redis

STREAMS = 4  # of each client
MOST = 64  # engines
KINDS = ("engine", "gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What each client keeps up."""

    seconds: float
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that runs, but the clients."""

    services: Sequence[Service]
    servers: Sequence[RedisServer]

    @property
    def gateways(self) -> list[Service]:
        """One for each client."""
        return [one for one in self.services if one.name == "gateway"]

    def cpu_seconds(self) -> dict[str, float]:
        """By kind, so far."""
        used = {kind: sum(one.cpu_seconds() for one in self.services if one.name == kind) for kind in KINDS}
        return used | {"redis": sum(one.cpu_seconds() for one in self.servers)}


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    args = _parser().parse_args(words)
    load = Load(seconds=args.seconds, frame=args.frame)
    try:
        sizes = [asyncio.run(measure(count, load, is_cluster=args.cluster)) for count in args.engines]
    except BenchmarkError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")
    report: dict[str, object] = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "parameters": {"seconds": load.seconds, "frame": load.frame, "streams_per_client": STREAMS},
        "store": "redis cluster of 3" if args.cluster else "redis",
        "sizes": sizes,
    }
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0


async def measure(count: int, load: Load, *, is_cluster: bool) -> dict[str, object]:
    """So many engines, gateways and clients. Raises: BenchmarkError."""
    sys.stderr.write(f"scale: {count} engines, {count} gateways, {count} clients\n")
    tenants = [[f"scale-{client}-{stream}" for stream in range(STREAMS)] for client in range(count)]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yingda-")))
        desk = await stack.enter_async_context(_serving(folder, tenants, is_cluster=is_cluster))
        clients = [await stack.enter_async_context(driven("benchmarks.scale_client")) for _ in tenants]
        for number, client in enumerate(clients):
            address = desk.gateways[number].address
            own = {"address": address, "tenants": tenants[number], "seed": number + 1}
            await client.tell(json.dumps(own | {"seconds": load.seconds, "frame": load.frame}))
        for client in clients:
            await client.hear()
        return {"engines": count} | await _run(desk, clients)


async def _run(desk: Desk, clients: Sequence[Driven]) -> dict[str, object]:
    """Start the clock for all at once, and say what went through until the last had ended."""
    before = desk.cpu_seconds()
    for client in clients:
        await client.tell("go")
    said = [await client.hear() for client in clients]
    after = desk.cpu_seconds()
    cpu = {kind: after[kind] - before[kind] for kind in after}
    return report(said, cpu | {"client": sum(one["cpu_seconds"] for one in said)})


def report(said: Sequence[dict[str, Any]], cpu: dict[str, float]) -> dict[str, object]:
    """Throughput over the time from the first beginning to the last end, and what each kind of process used."""
    messages = sum(one["messages"] for one in said)
    seconds = max(one["ended"] for one in said) - min(one["began"] for one in said)
    return {
        "messages": messages,
        "seconds": seconds,
        "messages_per_second": messages / seconds,
        "cpu_us_per_message": {kind: used / messages * 1e6 for kind, used in cpu.items()},
        "cores_used": {kind: used / seconds for kind, used in cpu.items()},
    }


@asynccontextmanager
async def _serving(
    folder: Path, tenants: Sequence[Sequence[str]], *, is_cluster: bool
) -> AsyncIterator[Desk]:
    """As many engines and gateways as there are lists of tenants; every gateway knows every engine."""
    sockets = [f"unix:{folder / f'{number}.sock'}" for number in range(len(tenants))]
    line = ["gateway", "--engine", ",".join(sockets), "--listen", "127.0.0.1:0"]
    line += [word for own in tenants for tenant in own for word in ("--tenant", tenant)]
    async with AsyncExitStack() as stack:
        url, servers = stack.enter_context(_store(folder, is_cluster=is_cluster))
        services = []
        for number, socket in enumerate(sockets):
            own = folder / str(number)
            own.mkdir()
            data = ["--data-dir", str(own / "data"), "--store", url, "--one-of-several", "--listen", socket]
            services.append(stack.enter_context(spawned("engine", ["engine", *data], own)))
            services.append(stack.enter_context(spawned("gateway", line, own)))
        await asyncio.gather(*(one.serving() for one in services))
        yield Desk(services=services, servers=servers)


@contextmanager
def _store(folder: Path, *, is_cluster: bool) -> Iterator[tuple[str, Sequence[RedisServer]]]:
    if is_cluster:
        with serving_cluster(folder / "redis") as nodes:
            yield cluster_url(nodes), nodes
    else:
        with serving_redis(folder / "redis") as server:
            yield server.url, [server]


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks.scale: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="Measure what more engines and gateways carry.",
        epilog="example: python -m benchmarks.scale --engines 1,2,4 --cluster --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument("--engines", type=_sizes, default=(1, 2), help="numbers of each process (1,2)")
    parser.add_argument(
        "--cluster", action="store_true", help="a Redis Cluster of three instead of one Redis"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time of each number (10)")
    parser.add_argument("--frame", type=int, default=256, help="messages a frame, at most 512 (256)")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isdecimal() and 1 <= int(word) <= MOST for word in words):
        raise argparse.ArgumentTypeError(f"{text} are no whole numbers from 1 to {MOST} with commas between")
    return tuple(map(int, words))


if __name__ == "__main__":
    sys.exit(main())
