"""Streams held open while messages flow: `python -m benchmarks.connections --connections 1000 --json`.

Of the connections 70 % are agents' consoles (WatchAgent), 25 % carry messages (StreamMessages, one message a frame) and
5 % are bots' (ReceiveEvents), each over a TCP connection of its own. As many gateways and clients run as the limit of
open files asks for. `memory_kb_per_connection` is what the services grew by; `latency_ms` is from the intended time of
sending. `floor` is as many connections with the same messages through an echo server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from yingda import Client, YingdaError

from benchmarks import floor, machine, table
from benchmarks.driven import driven
from benchmarks.errors import BenchmarkError
from benchmarks.held import Kind, Wanted, split
from benchmarks.process import Service, spawned
from benchmarks.statistic import percentile
from benchmarks.system import SETUP, team
from engine.domain import Presence
from engine.servicers import convert
from engine.stores.sqlite import open_store

PER_SERVER = 18_000  # connections: a process may have 20,000 files
PER_CLIENT = 4_000
AT_ONCE = 64  # streams that are being opened, of all clients
PER_TENANT = 500  # agents
LEAST = 20
SHARES = ((Kind.AGENT, 0.70), (Kind.MESSAGES, 0.25), (Kind.BOT, 0.05))
_SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    args = _parser().parse_args(words)
    try:
        report = asyncio.run(measure(args.connections, args.rate, args.seconds, has_floor=not args.no_floor))
    except (BenchmarkError, YingdaError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0


async def measure(
    connections: int, rate: float, seconds: float, *, has_floor: bool = True
) -> dict[str, object]:
    """The whole report. Raises: BenchmarkError."""
    wanted = plan(connections)
    lowest: dict[str, object] = {}
    load = {"rate": rate, "seconds": seconds}
    with tempfile.TemporaryDirectory(prefix="yingda-") as name:
        _progress(f"services: {connections} connections")
        async with _serving(Path(name), wanted) as (engine, gateways):
            services = await _hold(gateways, [engine], wanted, load | {"is_echo": False})
        if has_floor:
            _progress("floor: as many through echo servers")
            async with _echoing(Path(name), len(gateways)) as servers:
                lowest = await _hold(servers, [], wanted, load | {"is_echo": True})
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "parameters": {"connections": connections, **load},
        "connections": {kind.value: sum(one.kind is kind for one in wanted) for kind in Kind},
        **services,
        **({"floor": lowest} if lowest else {}),
    }


def plan(connections: int) -> list[Wanted]:
    """Which streams, the kinds mixed, the agents spread over tenants."""
    counts = {kind: int(connections * share) for kind, share in SHARES}
    counts[Kind.AGENT] += connections - sum(counts.values())
    names = [one.agent_id for one in team(PER_TENANT)]
    tenants = math.ceil(counts[Kind.AGENT] / PER_TENANT)
    found = [
        (number / count, kind, number, names[number // tenants] if kind is Kind.AGENT else f"{kind}-{number}")
        for kind, count in counts.items()
        for number in range(count)
    ]
    return [
        Wanted(kind=kind, tenant=f"held-{number % tenants}", name=name)
        for _, kind, number, name in sorted(found)
    ]


async def _hold(
    servers: Sequence[Service], behind: Sequence[Service], wanted: Sequence[Wanted], task: dict[str, Any]
) -> dict[str, object]:
    """Open all, let messages flow, and say what it took."""
    services = [*servers, *behind]
    before = {id(one): one.rss_mb() for one in services}
    by_server = [wanted[number :: len(servers)] for number in range(len(servers))]
    shares = [
        (server, share)
        for server, own in zip(servers, by_server, strict=True)
        for share in split(own, PER_CLIENT)
    ]
    at_once = math.ceil(AT_ONCE / len(shares))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(driven("benchmarks.holder")) for _ in shares]
        for number, (client, (server, share)) in enumerate(zip(clients, shares, strict=True)):
            streams = [(one.kind.value, one.tenant, one.name) for one in share]
            rate = task["rate"] * len(share) / len(wanted)
            own = {**task, "rate": rate, "address": server.address, "streams": streams, "at_once": at_once}
            await client.tell(json.dumps(own | {"seed": f"c{number}"}))
        held = sum([(await client.hear())["held"] for client in clients])
        files = sum(one.files() for one in servers)
        grown = {one.name: 0.0 for one in services}
        for one in services:
            grown[one.name] += (one.rss_mb() - before[id(one)]) * 1024 / held
        for client in clients:
            await client.tell("go")
        said = [await client.hear() for client in clients]
    return {"held": held, "processes": len(servers), "files": files} | _report(said, grown)


def _report(said: Sequence[dict[str, Any]], grown: dict[str, float]) -> dict[str, object]:
    taken = [one for client in said for one in client["taken"]]
    if not taken:
        raise BenchmarkError("no message was sent: give more --seconds or --rate")
    if ended := sum(client["ended"] for client in said):
        raise BenchmarkError(f"{ended} streams ended that were to be held")
    return {
        "memory_kb_per_connection": grown,
        "messages": len(taken),
        "failed": dict(Counter(status for client in said for status in client["failed"])),
        "opened_again": sum(client["again"] for client in said),
        "events_heard": sum(client["events"] for client in said),
        "latency_ms": {name: percentile(taken, share) * 1000 for name, share in _SHARES.items()},
    }


@asynccontextmanager
async def _serving(folder: Path, wanted: Sequence[Wanted]) -> AsyncIterator[tuple[Service, list[Service]]]:
    """An engine with the agents, and as many gateways as the connections need."""
    socket = f"unix:{folder / 'engine.sock'}"
    tenants = sorted({one.tenant for one in wanted})
    line = ["gateway", "--engine", socket, "--listen", "127.0.0.1:0"]
    line += [word for tenant in tenants for word in ("--tenant", tenant)]
    async with AsyncExitStack() as stack:
        _progress("hiring")
        await asyncio.to_thread(_hire, folder / "data", wanted)
        engine_line = ["engine", "--data-dir", str(folder / "data"), "--listen", socket]
        engine = stack.enter_context(spawned("engine", engine_line, folder))
        gateways = []
        for number in range(math.ceil(len(wanted) / PER_SERVER)):
            own = folder / f"gateway-{number}"
            own.mkdir()
            gateways.append(stack.enter_context(spawned("gateway", line, own)))
        await asyncio.gather(engine.serving(), *(one.serving() for one in gateways))
        for tenant in tenants:  # whose first message makes the engine read their replies
            async with Client(gateways[0].address, tenant=tenant, timeout=SETUP) as client:
                await client.send("hi", customer_id="first")
        yield engine, gateways


def _hire(folder: Path, wanted: Sequence[Wanted]) -> None:
    """Put the agents into the store before the engine has it: tens of thousands of calls would take minutes."""
    folder.mkdir()
    store = open_store(folder / "yingda.db", sync="normal")
    try:
        agents = {one.agent_id: convert.agent_from_proto(one) for one in team(PER_TENANT)}
        for one in wanted:
            if one.kind is Kind.AGENT:
                store.put_agent(one.tenant, agents[one.name])
                store.set_presence(one.tenant, one.name, Presence.ONLINE)
    finally:
        store.close()


@asynccontextmanager
async def _echoing(folder: Path, count: int) -> AsyncIterator[list[Service]]:
    size = str(int(floor.TYPICAL_ANSWER))
    line = ["benchmarks.echo", "--frame-bytes", size, "--message-bytes", size]
    async with AsyncExitStack() as stack:
        servers = []
        for number in range(count):
            own = folder / f"echo-{number}"
            own.mkdir()
            servers.append(stack.enter_context(spawned("echo", line, own)))
        await asyncio.gather(*(one.serving() for one in servers))
        yield servers


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks.connections: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.connections",
        description="Hold streams open while messages flow.",
        epilog="example: python -m benchmarks.connections --connections 52000 --json",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument("--connections", type=_connections, default=1000, help="how many, 20 or more (1000)")
    parser.add_argument("--rate", type=float, default=300.0, help="messages a second (300)")
    parser.add_argument("--no-floor", action="store_true", help="leave out the echo server")
    parser.add_argument("--seconds", type=float, default=10.0, help="for which messages flow (10)")
    return parser


def _connections(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST:
        raise argparse.ArgumentTypeError(f"{text} is no whole number of {LEAST} or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
