"""`yingda plan`: cores, memory, processes and disk for a desk of some size."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from yingda.cli import capacity, render
from yingda.cli.capacity import Costs, Demand, Plan
from yingda.cli.options import Group, between

_MOST = 999_999_999
_DAYS = 3650


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "plan",
        _plan,
        about="say what a desk of some size needs, from measured costs",
        example="yingda plan --messages-per-day 2300000 --peak 1200 --agents 500",
        asks=False,
    )
    command.add_argument(
        "--messages-per-day",
        type=between(1, _MOST),
        required=True,
        metavar="N",
        help="messages on a busy day",
    )
    command.add_argument(
        "--peak", type=between(1, _MOST), required=True, metavar="N", help="messages a second at the peak"
    )
    command.add_argument(
        "--agents", type=between(1, _MOST), default=100, metavar="N", help="agents online (default: 100)"
    )
    command.add_argument(
        "--replies", type=between(0, _MOST), default=500, metavar="N", help="canned replies (default: 500)"
    )
    command.add_argument(
        "--retention-days",
        type=between(1, _DAYS),
        default=30,
        metavar="N",
        help="days that the journal is kept, see [engine.retention] (default: 30)",
    )
    command.add_argument(
        "--frames", action="store_true", help="messages come in frames over streams, not in single calls"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _plan(args: argparse.Namespace) -> int:
    costs = capacity.read_costs()
    demand = Demand(
        messages_per_day=args.messages_per_day,
        peak=args.peak,
        agents=args.agents,
        replies=args.replies,
        retention_days=args.retention_days,
        way="frames" if args.frames else "single",
    )
    found = capacity.plan(demand, costs)
    if args.json:
        assumed = dict(_assumptions(demand, costs))
        render.print_json({"demand": asdict(demand), "plan": asdict(found), "assumptions": assumed})
        return 0
    render.print_pairs(_needs(found))
    print()
    render.print_pairs(_assumptions(demand, costs))
    for note in found.notes:
        render.note(note)
    return 0


def _needs(found: Plan) -> Iterator[tuple[str, str]]:
    parts = ", ".join(f"{name} {cores:.2f}" for name, cores in found.cores_by_service.items())
    yield "cores", f"{found.cores} ({parts})"
    yield "memory", f"{found.memory_mb:,} MB for gateways and engines"
    yield "processes", f"--gateways {found.gateways} --engines {found.engines}"
    if found.store == "redis":
        yield "store", f"Redis with {found.redis_memory_gb:,.1f} GB of memory"
    else:
        yield "store", "SQLite, in --data-dir"
    yield (
        "disk",
        f"{found.disk_gb:,.1f} GB for {'the log of Redis' if found.store == 'redis' else 'the store'}",
    )


def _assumptions(demand: Demand, costs: Costs) -> Iterator[tuple[str, str]]:
    yield "assumed: busy at the peak", f"{capacity.UTILISATION:.0%} of each core"
    yield "headroom", f"{capacity.HEADROOM - 1:.0%} on memory and disk"
    yield "new conversations", f"{capacity.NEW_SHARE:.0%} of the messages"
    hours = capacity.OPEN_SECONDS / 3600
    yield (
        "open at once",
        f"{demand.open_conversations:,} conversations ({hours:g} h at the peak, a day's at most)",
    )
    yield "messages come", "in frames" if demand.way == "frames" else "in single calls"
    yield "store", "SQLite where one engine is enough, else one Redis; nothing spare for a lost machine"
    yield "measured", f"{costs.date[:10]} on {costs.machine}"
