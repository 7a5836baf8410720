"""`yingda doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from yingda.cli import diagnosis, render
from yingda.cli.diagnosis import Finding
from yingda.cli.options import Group
from yingda.client import DEFAULT_TARGET


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "doctor",
        _run,
        about="check the installation, the data folder, the port and the gateway",
        example="yingda doctor --data-dir data",
    )
    command.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        default=Path("data"),
        help="folder of the store (default: %(default)s)",
    )


def _run(args: argparse.Namespace) -> int:
    findings = [*diagnosis.installation(), diagnosis.data_dir(args.data_dir), *_gateway(args)]
    if args.json:
        render.print_json([{"check": one.check, "ok": one.is_ok, "text": one.text} for one in findings])
    else:
        _print(findings)
    return 0 if all(one.is_ok for one in findings) else 1


def _gateway(args: argparse.Namespace) -> list[Finding]:
    """A gateway that is not started yet is no fault, unless another than the default was named."""
    is_expected = args.target != DEFAULT_TARGET or not diagnosis.is_server()
    return asyncio.run(diagnosis.gateway(args, is_expected=is_expected))


def _print(findings: list[Finding]) -> None:
    render.print_table(
        ("", "check", "finding, and what to do"),
        (
            (render.cell("ok", "green") if one.is_ok else render.cell("bad", "bold red"), one.check, one.text)
            for one in findings
        ),
        empty="",
    )
