"""`python -m models dataset check`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import checks, dataset
from models.commands.command import PACK, Command, console
from models.errors import PackError


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["check"], help="check: prove that the pack is fit to learn from")
    parser.add_argument("--pack", type=Path, default=PACK, help="folder to check (%(default)s)")


def _run(options: argparse.Namespace) -> None:
    findings = checks.check(dataset.read(options.pack))
    for finding in findings:
        console.print("ok  " if finding.passed else "FAIL", finding.name, "-", finding.detail, markup=False)
    failed = [finding.name for finding in findings if not finding.passed]
    if failed:
        raise PackError(f"{options.pack}: {len(failed)} checks failed: {', '.join(failed)}")


COMMAND: Final = Command(
    purpose="Check a pack: counts, duplicates, near copies across authors.",
    example="python -m models dataset check --pack models/packs/ecommerce",
    configure=_configure,
    run=_run,
)
