"""A command's way to the gateway."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from yingda.cli import health
from yingda.cli.errors import CommandError, UnreachableError
from yingda.client import DEFAULT_TIMEOUT
from yingda.errors import YingdaError
from yingda.journal_client import JournalClient
from yingda.sync_client import SyncClient

R = TypeVar("R")


@contextmanager
def connect(args: argparse.Namespace, *, timeout: float = DEFAULT_TIMEOUT) -> Iterator[SyncClient]:
    """A client as the options say; `timeout` seconds a call. Raises: CommandError with the text of what failed."""
    with SyncClient(
        args.target, tenant=args.tenant, token=args.token, timeout=timeout, credentials=credentials(args)
    ) as client:
        try:
            yield client
        except YingdaError as error:
            raise failure(args.target, error) from None


def look_back(
    args: argparse.Namespace,
    use: Callable[[JournalClient], Awaitable[R]],
    *,
    timeout: float = DEFAULT_TIMEOUT,
) -> R:
    """What `use` gives, with a client that reads journals. Raises: CommandError with the text of what failed."""

    async def run() -> R:
        async with JournalClient(
            args.target, tenant=args.tenant, token=args.token, timeout=timeout, credentials=credentials(args)
        ) as client:
            return await use(client)

    try:
        return asyncio.run(run())
    except YingdaError as error:
        raise failure(args.target, error) from None
    except KeyboardInterrupt:
        raise CommandError("interrupted") from None


def credentials(args: argparse.Namespace) -> grpc.ChannelCredentials | None:
    """Of the file that `--ca` names; None without one. Raises: CommandError."""
    if args.ca is None:
        return None
    try:
        return grpc.ssl_channel_credentials(args.ca.read_bytes())
    except OSError as error:
        raise CommandError(f"cannot read {args.ca}: {error.strerror}; name another with --ca") from None


def failure(target: str, error: YingdaError) -> CommandError:
    """What a failed call comes to: mostly its own text."""
    unanswered = error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    if unanswered and not asyncio.run(health.is_listening(target)):
        return UnreachableError(
            f"no gateway listens at {target}: start one with `yingda serve --data-dir data`, "
            "or name another with --target"
        )
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return CommandError(f"{error}; give it with --token or YINGDA_TOKEN")
    return CommandError(str(error))
