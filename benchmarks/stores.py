"""What a store costs: `python -m benchmarks.stores --json`. One process, one tenant, one batch after the other.

For each store a batch is what the pipeline asks of it: the roster, which messages are known, the customers' open
conversations, and a commit of as many conversations and journaled messages, with claims. `opened`: every message opens
a conversation that waits in four queues. `followed`: every message goes to one that an agent has. CPU time is this
thread's and, apart, that of the servers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import machine, redis_process, statistic, table
from benchmarks.errors import BenchmarkError
from engine.domain import Agent, Change, Conversation, ConversationState, Event, Presence, Requirement
from engine.ports import Store
from engine.stores import redis, sqlite

TENANT = "bench"
AGENTS = 32
RECORD = b"\x0a" * 700  # a message and its answer, as journaled
UNIT = 100
QUEUES = ("/logistics/3/zh", "/logistics/1/zh", "//1/zh", "/finance/3/zh")
REQUIREMENT = Requirement(skill="logistics", skills={"logistics": 0.75, "finance": 0.2}, language="zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A store at work; `servers_cpu` is the CPU time of what serves it, `servers_memory` the bytes that it uses."""

    store: Store
    servers_cpu: Callable[[], float]
    servers_memory: Callable[[], int]


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    args = _parser().parse_args(words)
    try:
        report = {
            "date": machine.now(),
            "commit": machine.commit(),
            "machine": machine.describe(),
            "batch": args.batch,
            "stores": {name: measure(name, args.batch, args.batches) for name in args.stores},
        }
    except BenchmarkError as error:
        sys.stderr.write(f"benchmarks.stores: {error}\n")
        return 2
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0


def measure(name: str, batch: int, batches: int) -> dict[str, dict[str, float]]:
    """What so many batches of each kind cost in one of the stores. Raises: BenchmarkError."""
    with tempfile.TemporaryDirectory() as folder, OPENERS[name](Path(folder)) as opened:
        for number in range(AGENTS):
            agent = Agent(agent_id=f"a{number}", name="", skills={"logistics": 3}, capacity=10**9)
            opened.store.put_agent(TENANT, agent)
            opened.store.set_presence(TENANT, agent.agent_id, Presence.ONLINE)
        rounds = [_conversations(number, batch) for number in range(batches)]
        return {
            "opened": _run(opened, [_change(own) for own in rounds]),
            "followed": _run(opened, [_change(_followed(own)) for own in rounds]),
        }


def _run(opened: Opened, changes: Sequence[Change]) -> dict[str, float]:
    """Commits of every change, each after the reads that go before it."""
    taken: list[float] = []
    memory = opened.servers_memory()
    servers, cpu, began = opened.servers_cpu(), time.thread_time(), time.perf_counter()
    for change in changes:
        began_one = time.perf_counter()
        _process(opened.store, change)
        taken.append(time.perf_counter() - began_one)
    seconds, cpu = time.perf_counter() - began, time.thread_time() - cpu
    servers = opened.servers_cpu() - servers
    messages = sum(len(change.events) for change in changes)
    return {
        "commits_per_second": len(changes) / seconds,
        "messages_per_second": messages / seconds,
        "cpu_us_per_message": cpu / messages * 1e6,
        "servers_cpu_us_per_message": servers / messages * 1e6,
        "servers_bytes_per_message": (opened.servers_memory() - memory) / messages,
        "batch_ms_p50": statistic.percentile(taken, 0.5) * 1e3,
        "batch_ms_p99": statistic.percentile(taken, 0.99) * 1e3,
    }


def _process(store: Store, change: Change) -> None:
    store.roster(TENANT)
    store.records(TENANT, [event.key for event in change.events])
    store.open_conversations(TENANT, [(one.channel, one.customer_id) for one in change.conversations])
    if store.commit([change]) != [True]:
        raise BenchmarkError("a commit was refused that nobody contested")


def _conversations(number: int, batch: int) -> list[Conversation]:
    return [
        Conversation(
            conversation_id=f"c-{number}-{one}",
            channel=1,
            customer_id=f"customer-{number}-{one}",
            state=ConversationState.WAITING,
            requirement=REQUIREMENT,
            opened_ms=1_800_000_000_000 + number,
            updated_ms=1_800_000_000_000 + number,
            queued_ms=1_800_000_000_000 + number,
            rank_ms=1_800_000_000_000 + number,
            due_ms=1_800_000_060_000,
            queues=QUEUES,
            version=1,
        )
        for one in range(batch)
    ]


def _followed(before: Sequence[Conversation]) -> list[Conversation]:
    """The same, given to the agents in turn."""
    return [
        replace(
            one,
            state=ConversationState.ASSIGNED,
            agent_id=f"a{number % AGENTS}",
            units=UNIT,
            queued_ms=0,
            due_ms=0,
            queues=(),
            version=2,
        )
        for number, one in enumerate(before)
    ]


def _change(conversations: Sequence[Conversation]) -> Change:
    claims: dict[str, int] = {}
    for one in conversations:
        if one.agent_id:
            claims[one.agent_id] = claims.get(one.agent_id, 0) + one.units
    events = [
        Event(
            conversation_id=one.conversation_id,
            kind="message_received",
            time_ms=one.updated_ms,
            data=RECORD,
            key=f"1:{one.conversation_id}:{one.version}",
        )
        for one in conversations
    ]
    return Change(tenant=TENANT, conversations=conversations, claims=claims, events=events)


@contextmanager
def _sqlite(folder: Path) -> Iterator[Opened]:
    with closing(sqlite.open_store(folder / "yingda.db", sync="normal")) as store:
        yield Opened(store=store, servers_cpu=lambda: 0.0, servers_memory=lambda: 0)


@contextmanager
def _redis(folder: Path, *arguments: str) -> Iterator[Opened]:
    with (
        redis_process.serving_redis(folder, *arguments) as server,
        closing(redis.open_store(server.url)) as store,
    ):
        yield Opened(store=store, servers_cpu=server.cpu_seconds, servers_memory=server.memory_bytes)


@contextmanager
def _redis_aof(folder: Path) -> Iterator[Opened]:
    with _redis(folder, "--appendonly", "yes", "--appendfsync", "everysec") as opened:
        yield opened


@contextmanager
def _redis_cluster(folder: Path) -> Iterator[Opened]:
    with ExitStack() as stack:
        nodes = stack.enter_context(redis_process.serving_cluster(folder))
        store = stack.enter_context(closing(redis.open_store(redis_process.cluster_url(nodes))))
        yield Opened(
            store=store,
            servers_cpu=lambda: sum(node.cpu_seconds() for node in nodes),
            servers_memory=lambda: sum(node.memory_bytes() for node in nodes),
        )


OPENERS = {"sqlite": _sqlite, "redis": _redis, "redis-aof": _redis_aof, "redis-cluster": _redis_cluster}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stores",
        description="Measure what a batch of messages costs in each store.",
        epilog="example: python -m benchmarks.stores --stores sqlite,redis --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument("--batch", type=int, default=256, help="messages a batch (256)")
    parser.add_argument("--batches", type=int, default=40, help="batches of each kind (40)")
    parser.add_argument(
        "--stores", type=_stores, default=tuple(OPENERS), help=f"some of {','.join(OPENERS)} (all)"
    )
    return parser


def _stores(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := [one for one in named if one not in OPENERS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(OPENERS)}")
    return named


if __name__ == "__main__":
    sys.exit(main())
