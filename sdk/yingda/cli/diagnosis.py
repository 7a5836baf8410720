"""The checks of `yingda doctor`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import grpc

from yingda.cli import health, requirement
from yingda.cli.connection import credentials
from yingda.cli.services import SERVER_PACKAGES
from yingda.client import Client
from yingda.errors import YingdaError

OLDEST, NEWEST = (3, 11), (3, 13)
_SERVER = "yingda-server"
_CHILD_TIMEOUT = 60  # seconds for a check in a process of its own
_BUNDLE_CHECK = """
import sys
from pathlib import Path
import models
from models.bundle import BundleError, load
try:
    print(load(Path(models.__file__).parent / "bundles" / "ecommerce").id)
except BundleError as error:
    sys.exit(str(error))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, and what to do if it is not well."""

    check: str
    is_ok: bool
    text: str


def is_server() -> bool:
    """Whether the services are installed, not the client alone."""
    return all(find_spec(name) for name in SERVER_PACKAGES)


def installation() -> Iterator[Finding]:
    """Python, packages, services, bundle."""
    yield _python()
    yield _packages("yingda")
    if not is_server():
        yield Finding(check="services", is_ok=True, text=f"client only; to serve: pip install {_SERVER}")
        return
    yield _packages(_SERVER)
    for name in ("engine", "gateway"):
        yield _child(name, ["-m", name, "--help"], f"python -m {name} starts")
    yield _child("bundle", ["-c", _BUNDLE_CHECK], "the shipped one is whole")


def data_dir(folder: Path) -> Finding:
    """Whether the store can be written there."""
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        text = f"{nearest}: {error.strerror}; name a folder that this user can write with --data-dir"
        return Finding(check="data folder", is_ok=False, text=text)
    text = f"{folder} can be written" if nearest == folder else f"{folder} can be made"
    return Finding(check="data folder", is_ok=True, text=text)


async def gateway(args: argparse.Namespace, *, is_expected: bool) -> list[Finding]:
    """Who listens at the target, and whether it answers this tenant."""
    if not await health.is_listening(args.target):
        return [_nobody(args.target, is_expected=is_expected)]
    listener = await _listener(args)
    return [listener, await _answer(args)] if listener.is_ok else [listener]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding(check="python", is_ok=True, text=found)
    return Finding(check="python", is_ok=False, text=f"{found}: install one of 3.11 to 3.13")


def _packages(distribution: str) -> Finding:
    """The distribution and what it needs, in the versions it needs."""
    try:
        version = metadata.version(distribution)
        needed = requirement.needed_by(distribution)
    except metadata.PackageNotFoundError:
        return Finding(check=distribution, is_ok=False, text=f"pip install {distribution}")
    if problems := [problem for one in needed if (problem := requirement.problem(one))]:
        text = f"{', '.join(problems)}: pip install --upgrade {distribution}"
        return Finding(check=distribution, is_ok=False, text=text)
    names = (f"{name} {metadata.version(name)}" for name in map(requirement.name, needed))
    return Finding(check=distribution, is_ok=True, text=f"{version}, with {', '.join(names)}")


def _child(check: str, arguments: list[str], good: str) -> Finding:
    """A look in a process of its own: what it would import stays out of this one."""
    try:
        ended = subprocess.run(
            [sys.executable, "-P", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CHILD_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(check=check, is_ok=False, text=f"no answer within {_CHILD_TIMEOUT} seconds; try again")
    if ended.returncode == 0:
        return Finding(check=check, is_ok=True, text=good)
    said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
    return Finding(check=check, is_ok=False, text=f"{said[-1]}; if that does not help: pip install {_SERVER}")


def _nobody(target: str, *, is_expected: bool) -> Finding:
    text = f"{target} is free; `yingda serve --data-dir data` serves there"
    if is_expected:
        text = f"nobody listens at {target}: start a gateway there, or name another with --target"
    return Finding(check="gateway", is_ok=not is_expected, text=text)


async def _listener(args: argparse.Namespace) -> Finding:
    """Whether the one at the target is a gateway that serves."""
    try:
        is_up = await health.is_serving(
            args.target, service=health.GATEWAY_SERVICE, credentials=credentials(args)
        )
    except grpc.aio.AioRpcError as error:
        text = f"what listens at {args.target} is no gateway ({error.code().name}: {error.details()})"
        return Finding(check="port", is_ok=False, text=f"{text}; name another with --target or --listen")
    if is_up:
        return Finding(check="port", is_ok=True, text=f"a gateway serves at {args.target}")
    return Finding(check="port", is_ok=False, text=f"the gateway at {args.target} is stopping; try again")


async def _answer(args: argparse.Namespace) -> Finding:
    """Whether the gateway reaches its engine and knows the tenant."""
    async with Client(
        args.target, tenant=args.tenant, token=args.token, credentials=credentials(args)
    ) as client:
        try:
            agents = await client.agents()
        except YingdaError as error:
            return Finding(check="gateway", is_ok=False, text=str(error))
    return Finding(
        check="gateway", is_ok=True, text=f"answers; tenant {args.tenant} has {len(agents)} agents"
    )
