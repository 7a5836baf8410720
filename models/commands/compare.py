"""`python -m models compare`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.table import Table as Grid

from models import bundle, compare, dataset, own, spreadsheet
from models.bundle import Bundle
from models.commands.command import BUNDLE, PACK, Command, console
from models.compare import Comparison
from models.dataset import Pack


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", type=Path, help="bundle in use")
    parser.add_argument("after", type=Path, help="bundle that should take its place")
    parser.add_argument("--pack", type=Path, default=PACK, help="labelled messages neither saw (%(default)s)")
    parser.add_argument(
        "--data", type=Path, help="a CSV file of such messages (text, intent) in place of a pack"
    )
    parser.add_argument(
        "--gate", action="store_true", help="fail if the second is worse on a protected slice"
    )


def _run(options: argparse.Namespace) -> None:
    before, after = bundle.load(options.before), bundle.load(options.after)
    pack = _read(options, after)
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    found = compare.compare(before, after, examples, pack.taxonomy.intents)
    console.print(_draw(found))
    if options.gate:
        compare.require_no_loss(found)


def _read(options: argparse.Namespace, after: Bundle) -> Pack:
    if options.data is None:
        return dataset.read(options.pack)
    return own.make_test_pack(spreadsheet.read(options.data, least=1), after)


def _draw(found: Mapping[str, Comparison]) -> Grid:
    grid = Grid("slice", "messages", "before", "after", "difference, 95 % interval", "p")
    for name, entry in found.items():
        grid.add_row(
            name,
            str(entry.messages),
            f"{entry.before:.3f}",
            f"{entry.after:.3f}",
            str(entry.difference),
            f"{entry.p_value:.3f}",
        )
    return grid


COMMAND: Final = Command(
    purpose="Compare two bundles on the same messages, with a paired test for every slice.",
    example=f"python -m models compare {BUNDLE} runs/candidate --pack packs/held-out --gate",
    configure=_configure,
    run=_run,
)
