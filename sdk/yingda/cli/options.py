"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yingda.client import DEFAULT_TARGET
from yingda.v1.message_pb2 import Channel

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse gives it no other name

Run = Callable[[argparse.Namespace], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Where commands are added, and the options they may take along."""

    commands: Subparsers
    gateway: argparse.ArgumentParser
    output: argparse.ArgumentParser

    def add(
        self, name: str, run: Run, *, about: str, example: str, asks: bool = True
    ) -> argparse.ArgumentParser:
        """A command; one that `asks` a gateway takes `--target` and its like, and `--json`."""
        command = self.commands.add_parser(
            name,
            parents=[self.gateway, self.output] if asks else [],
            help=about,
            description=f"{about[:1].upper()}{about[1:]}.",
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    def nest(self, name: str, *, about: str, example: str) -> Group:
        """A command that has commands of its own."""
        command = self.commands.add_parser(
            name, help=about, description=f"{about[:1].upper()}{about[1:]}.", epilog=f"example: {example}"
        )
        actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
        return Group(commands=actions, gateway=self.gateway, output=self.output)


def gateway_options(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Which gateway, as whom."""
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("gateway")
    group.add_argument(
        "--target",
        metavar="HOST:PORT",
        type=target,
        default=environ.get("YINGDA_TARGET") or DEFAULT_TARGET,
        help="the gateway (default: %(default)s; environment: YINGDA_TARGET)",
    )
    group.add_argument("--tenant", default="default", help="whose data (default: %(default)s)")
    group.add_argument(
        "--token",
        type=token,
        default=environ.get("YINGDA_TOKEN"),
        help="bearer token, where the gateway asks for one (environment: YINGDA_TOKEN)",
    )
    group.add_argument(
        "--ca", type=Path, metavar="FILE", help="talk TLS and trust this PEM file of certificates"
    )
    return options


def output_options() -> argparse.ArgumentParser:
    """How to print."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return options


def channel(text: str) -> Channel.ValueType:
    """A channel by its name, such as "web"."""
    try:
        return Channel.Value(f"CHANNEL_{text.upper()}")
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"no channel {text!r}: one of {', '.join(channel_names())}"
        ) from None


def channel_names() -> list[str]:
    """All that this release knows."""
    return [name.removeprefix("CHANNEL_").lower() for name in Channel.keys()[1:]]


def target(text: str) -> str:
    """What gRPC can connect to."""
    if not re.fullmatch(r"\S+:[0-9]{1,5}|unix:\S+|[a-z]\S*://\S+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form HOST:PORT")
    return text


def tenant_name(text: str) -> str:
    """A name that a message may bear, see message.proto."""
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no tenant name: use 1 to 64 of a-z, 0-9, _ and -")
    return text


def token(text: str) -> str:
    """What a header can carry."""
    if not (text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError("a token is made of printable ASCII characters")
    return text


def between(lowest: int, highest: int) -> Callable[[str], int]:
    """A type for whole numbers of this range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def fact(text: str) -> tuple[str, str]:
    """What is known, such as "order_id=A1001"."""
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form order_id=A1001")
    return name, value


def span(text: str) -> float:
    """Seconds of a span such as "90s", "30m", "24h" or "7d"."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no span such as 90s, 30m, 24h or 7d")
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[found[2]]
