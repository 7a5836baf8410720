"""`yingda models`: which bundle reads the messages."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from yingda.cli import model_table, render
from yingda.cli.connection import credentials, failure
from yingda.cli.errors import CommandError
from yingda.cli.options import Group
from yingda.errors import YingdaError
from yingda.model_client import ModelClient
from yingda.v1.model_pb2 import ModelStatus

R = TypeVar("R")
_SECONDS = 120.0  # a bundle is sent, checked and loaded meanwhile
_MANIFEST = "manifest.json"


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "models", about="list, activate, try out and roll back bundles", example="yingda models list"
    )
    actions.add("list", _list, about="list the bundles that the engine has", example="yingda models list")
    actions.add(
        "status",
        _status,
        about="show what serves, what is tried beside it, and how far messages have drifted",
        example="yingda models status --json",
    )
    put = actions.add("put", _put, about="give the engines a bundle", example="yingda models put my-bundle")
    put.add_argument("folder", type=Path, metavar="FOLDER", help="the bundle, signed")
    _add_activate(actions)
    _add_trials(actions)
    actions.add(
        "disagreements",
        _disagreements,
        about="show messages that the shadow reads otherwise",
        example="yingda models disagreements --json",
    )


def _add_activate(actions: Group) -> None:
    activate = actions.add(
        "activate",
        _activate,
        about="let a bundle serve",
        example="yingda models activate my-bundle --reason 'more intents'",
    )
    _add_bundle(activate)
    activate.add_argument(
        "--allow-older", action="store_true", help="also one made before the one that serves"
    )
    activate.add_argument("--reason", default="", help="why, for the timeline")
    back = actions.add(
        "rollback",
        _roll_back,
        about="end a canary, or let the bundle before serve again",
        example="yingda models rollback --reason 'worse on refunds'",
    )
    back.add_argument("--reason", default="", help="why, for the timeline")


def _add_trials(actions: Group) -> None:
    shadow = actions.add(
        "shadow",
        _shadow,
        about="let a bundle read along; nobody sees what it says",
        example="yingda models shadow my-bundle",
    )
    _add_bundle(shadow, optional=True)
    canary = actions.add(
        "canary",
        _canary,
        about="let a bundle answer a share of the conversations; guards end it where it does worse",
        example="yingda models canary my-bundle --share 0.1",
    )
    _add_bundle(canary, optional=True)
    canary.add_argument(
        "--share", type=float, default=0.1, help="of the conversations, above 0 and below 1 (%(default)s)"
    )


def _add_bundle(command: argparse.ArgumentParser, *, optional: bool = False) -> None:
    what = "its id, or its folder, which is put first"
    if optional:
        command.add_argument("bundle", metavar="BUNDLE", nargs="?", default="", help=what)
        command.add_argument("--off", action="store_true", help="end it")
    else:
        command.add_argument("bundle", metavar="BUNDLE", help=what)


def _list(args: argparse.Namespace) -> int:
    found = _run(args, lambda client: client.bundles())
    if args.json:
        render.print_messages(found)
    else:
        model_table.print_bundles(found)
    return 0


def _status(args: argparse.Namespace) -> int:
    return _show(args, _run(args, lambda client: client.model_status()))


def _put(args: argparse.Namespace) -> int:
    bundle = _run(args, lambda client: client.put_bundle(_files(args.folder)))
    if args.json:
        render.print_json(render.as_json(bundle))
    else:
        print(bundle.bundle_id)
    return 0


def _activate(args: argparse.Namespace) -> int:
    files = _files_of(args.bundle)

    async def work(client: ModelClient) -> ModelStatus:
        bundle_id = await _named(client, args.bundle, files)
        return await client.activate_bundle(bundle_id, allow_older=args.allow_older, reason=args.reason)

    return _show(args, _run(args, work))


def _roll_back(args: argparse.Namespace) -> int:
    async def work(client: ModelClient) -> ModelStatus:
        now = await client.model_status()
        leave = now.canary.bundle_id or now.wanted_bundle_id
        return await client.roll_back_bundle(leave=leave, reason=args.reason)

    return _show(args, _run(args, work))


def _shadow(args: argparse.Namespace) -> int:
    _require_one(args)
    files = _files_of(args.bundle)

    async def work(client: ModelClient) -> ModelStatus:
        return await client.shadow_bundle(await _named(client, args.bundle, files))

    return _show(args, _run(args, work))


def _canary(args: argparse.Namespace) -> int:
    _require_one(args)
    files = _files_of(args.bundle)

    async def work(client: ModelClient) -> ModelStatus:
        return await client.canary_bundle(await _named(client, args.bundle, files), args.share)

    return _show(args, _run(args, work))


def _disagreements(args: argparse.Namespace) -> int:
    found = _run(args, lambda client: client.disagreements())
    if args.json:
        render.print_messages(found)
    else:
        model_table.print_disagreements(found)
    return 0


def _show(args: argparse.Namespace, status: ModelStatus) -> int:
    if args.json:
        render.print_json(render.as_json(status))
    else:
        model_table.print_status(status)
    return 0


def _require_one(args: argparse.Namespace) -> None:
    if bool(args.bundle) == args.off:
        raise CommandError("name a bundle, or --off to end it")


async def _named(client: ModelClient, bundle: str, files: Mapping[str, bytes]) -> str:
    """The id of a bundle; one that is a folder here is put first."""
    return (await client.put_bundle(files)).bundle_id if files else bundle


def _files_of(bundle: str) -> dict[str, bytes]:
    """Of a bundle that is a folder here; none of one that is an id. Raises: CommandError."""
    is_folder = "/" in bundle or Path(bundle, _MANIFEST).is_file()
    return _files(Path(bundle)) if bundle and is_folder else {}


def _files(folder: Path) -> dict[str, bytes]:
    if not (folder / _MANIFEST).is_file():
        raise CommandError(f"{folder} is no bundle: it has no {_MANIFEST}")
    try:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    except OSError as error:
        raise CommandError(f"cannot read {folder}: {error.strerror}") from None


def _run(args: argparse.Namespace, work: Callable[[ModelClient], Awaitable[R]]) -> R:
    """What the calls give. Raises: CommandError."""

    async def run() -> R:
        async with ModelClient(
            args.target,
            tenant=args.tenant,
            token=args.token,
            timeout=_SECONDS,
            credentials=credentials(args),
        ) as client:
            return await work(client)

    try:
        return asyncio.run(run())
    except YingdaError as error:
        raise failure(args.target, error) from None
