"""`yingda serve`: both services on this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from yingda.cli import hints, log, render
from yingda.cli.errors import CommandError
from yingda.cli.options import Group, between, tenant_name
from yingda.cli.services import Pair, Plan, Voice, serving
from yingda.cli.step import step
from yingda.cli.supervisor import cancel_on_signals, keep_running
from yingda.cli.team import put_online, sample_team
from yingda.client import Client
from yingda.errors import YingdaError

MOST_PROCESSES = 64


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "serve",
        _run,
        about="start the engine and the gateway on this machine, until Ctrl-C",
        example="yingda serve --data-dir data --sample-team",
        asks=False,
    )
    command.add_argument(
        "--data-dir", type=Path, metavar="DIR", required=True, help="folder of the store; made if need be"
    )
    command.add_argument(
        "--listen", metavar="HOST:PORT", help="where the gateway listens (default: 127.0.0.1:50051)"
    )
    _add_settings(command)
    _add_processes(command)
    command.add_argument(
        "--sample-team",
        action="store_true",
        help="give the tenants named by --tenant the sample pack's agents where they have none",
    )
    command.add_argument(
        "--sample-customers",
        action="store_true",
        help="let the sample pack's invented customers fill replies, where a tenant has no sources of its own",
    )


def _add_processes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--gateways",
        metavar="N",
        type=between(1, MOST_PROCESSES),
        default=1,
        help="gateways, all at one address (default: 1)",
    )
    command.add_argument(
        "--engines",
        metavar="N",
        type=between(1, MOST_PROCESSES),
        default=1,
        help="engines; more than one need --store, and a conversation keeps to one (default: 1)",
    )
    command.add_argument(
        "--store",
        metavar="URL",
        help="redis://HOST:PORT/0, which engines share (default: SQLite in --data-dir)",
    )


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML file with the tables [engine] and [gateway]"
    )
    command.add_argument(
        "--tenant",
        dest="tenants",
        metavar="T",
        type=tenant_name,
        nargs="+",
        action="extend",
        default=[],
        help="tenants to serve (default: default)",
    )
    command.add_argument(
        "--bundle", type=Path, metavar="DIR", help="the bundle to read with (default: the shipped one)"
    )
    command.add_argument(
        "--sync",
        choices=("normal", "full"),
        help="what a commit survives: a kill, or a loss of power too (default: normal)",
    )


def _run(args: argparse.Namespace) -> int:
    return asyncio.run(_serve(args))


async def _serve(args: argparse.Namespace) -> int:
    cancel_on_signals()
    plan = Plan(
        data_dir=args.data_dir,
        environ=os.environ,
        listen=args.listen,
        config=args.config,
        tenants=args.tenants,
        bundle=args.bundle,
        sync=args.sync,
        sample_customers=args.sample_customers,
        store=args.store,
        engines=args.engines,
        gateways=args.gateways,
    )
    try:
        async with serving(plan, Voice(log=log.pass_on, say=render.note, step=step)) as pair:
            await keep_running(pair.all, _announce(pair, args))
    except asyncio.CancelledError:
        render.note("stopped")
    return 0


async def _announce(pair: Pair, args: argparse.Namespace) -> None:
    """Say where it serves, then leave it to the services."""
    tenants = args.tenants or ["default"]
    if args.sample_team:
        await _give_team(pair.engine.address, tenants)
    print(f"serving at {pair.gateway.address}, data in {args.data_dir}; Ctrl-C stops")
    hints.print_hints(pair.gateway.address, tenants[0])
    await asyncio.Event().wait()


async def _give_team(engine: str, tenants: Sequence[str]) -> None:
    """Straight to the engine: the gateway may ask for tokens, which are none of ours. Raises: CommandError."""
    team = sample_team()
    try:
        for tenant in tenants:
            async with Client(engine, tenant=tenant) as client:
                if found := await client.agents():
                    print(f"tenant {tenant} has {len(found)} agents already: no sample team")
                    continue
                await put_online(client, team)
                print(f"tenant {tenant} has the sample team now: {len(team)} agents, all online")
    except YingdaError as error:
        raise CommandError(str(error)) from None
