"""`python -m models evaluate`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.table import Table as Grid

from models import dataset, report, validation
from models.bundle import ENCODER_FOLDER
from models.commands.command import BUNDLE, PACK, Command, console
from models.encoder import StaticEncoder, Table
from models.fitting import HeadSettings
from models.metrics import Estimate
from models.threads import fix_threads


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pack", type=Path, default=PACK, help="folder with labelled messages (%(default)s)")
    parser.add_argument(
        "--encoder", type=Path, default=BUNDLE / ENCODER_FOLDER, help="encoder folder (%(default)s)"
    )
    parser.add_argument(
        "--report", type=Path, help="folder for pictures and report.html (needs the extra train)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON to standard output")


def _run(options: argparse.Namespace) -> None:
    with console.status("fitting on all authors but some"), fix_threads():
        pack = dataset.read(options.pack)
        encoder = StaticEncoder(Table.load(options.encoder))
        validated = validation.validate(pack, encoder, HeadSettings())
        if options.report:
            report.write(options.report, pack, encoder, validated)
    figures = validated.figures
    if options.json:
        json.dump({name: asdict(figure) for name, figure in figures.items()}, sys.stdout, indent=1)
    else:
        console.print(_draw(figures))


def _draw(figures: Mapping[str, Estimate]) -> Grid:
    grid = Grid("figure", "value", "95 % interval", title="messages of authors never seen")
    for name, figure in figures.items():
        grid.add_row(name, f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}")
    return grid


COMMAND: Final = Command(
    purpose="Measure by cross-validation over authors, with 95 % intervals.",
    example="python -m models evaluate --pack models/packs/ecommerce --json",
    configure=_configure,
    run=_run,
)
