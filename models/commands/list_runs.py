"""`python -m models list`: the runs of this folder."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.table import Table as Grid

from models.commands.command import Command, console
from models.metrics import Estimate
from models.registry import RUNS, Registry

_ACCURACY: Final = "intent_accuracy"


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the runs (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON to standard output")


def _run(options: argparse.Namespace) -> None:
    runs = Registry(options.runs).list_runs()
    if options.json:
        json.dump([asdict(run) for run in runs], sys.stdout, ensure_ascii=False, indent=1)
        return
    grid = Grid("bundle", "made", "code", "seconds", "intent accuracy", "folder")
    for run in runs:
        accuracy = str(Estimate(*run.metrics[_ACCURACY])) if _ACCURACY in run.metrics else ""
        grid.add_row(run.bundle_id, run.created, run.commit, f"{run.seconds:.0f}", accuracy, run.bundle)
    console.print(grid if runs else f"no runs below {options.runs}: `python -m models train` makes one")


COMMAND: Final = Command(
    purpose="List the runs made here: bundles, scores, code. What an engine has: `yingda models list`.",
    example="python -m models list --json",
    configure=_configure,
    run=_run,
)
