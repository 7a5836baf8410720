"""`python -m models dataset check | split | from-journal`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import checks, dataset, journal, splitting
from models.commands.command import PACK, Command, console
from models.errors import PackError


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, dest="action", metavar="ACTION")
    check = actions.add_parser("check", help="prove that a pack is fit to learn from")
    check.add_argument("--pack", type=Path, default=PACK, help="folder to check (%(default)s)")
    split = actions.add_parser("split", help="split a CSV file into one to train on and one to test with")
    split.add_argument(
        "file", type=Path, help="columns text, intent, and lang, skill, anger, author if there are any"
    )
    split.add_argument("--share", type=float, default=0.2, help="of the messages to test with (%(default)s)")
    made = actions.add_parser("from-journal", help="make a CSV file to train on of what agents' deeds say")
    made.add_argument("export", type=Path, help="file of `yingda conversations export --feedback`")
    made.add_argument("--output", type=Path, required=True, help="CSV file to write")
    made.add_argument(
        "--least",
        type=float,
        default=0.0,
        help="weight from which a label counts: 1 takes only what somebody said (%(default)s)",
    )


def _run(options: argparse.Namespace) -> None:
    if options.action == "split":
        train, test = splitting.split(options.file, options.share)
        console.print(f"wrote {train} and {test}", markup=False)
    elif options.action == "from-journal":
        _make(options)
    else:
        _check(options)


def _make(options: argparse.Namespace) -> None:
    made = journal.make(options.export, options.output, least=options.least)
    console.print(
        f"wrote {made.rows} messages to {options.output}; left out {made.without_intent} with a skill alone,"
        f" {made.too_weak} below --least, {made.overruled} overruled by heavier or newer labels of the same text",
        markup=False,
    )


def _check(options: argparse.Namespace) -> None:
    findings = checks.check(dataset.read(options.pack))
    for finding in findings:
        console.print("ok  " if finding.passed else "FAIL", finding.name, "-", finding.detail, markup=False)
    failed = [finding.name for finding in findings if not finding.passed]
    if failed:
        raise PackError(f"{options.pack}: {len(failed)} checks failed: {', '.join(failed)}")


COMMAND: Final = Command(
    purpose="Check a pack: counts, duplicates, near copies across authors. Split a CSV file, or make one of a journal.",
    example="python -m models dataset check --pack models/packs/ecommerce",
    configure=_configure,
    run=_run,
)
