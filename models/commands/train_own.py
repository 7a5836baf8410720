"""`python -m models train --data FILE.csv`: a bundle of somebody's own messages."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress
from rich.table import Table as Grid

from models import advice, dataset, own, own_report, spreadsheet
from models.advice import IntentAdvice
from models.bundle import load
from models.commands.command import BUNDLE, PACK, console
from models.commands.sign import sign_if_possible
from models.manifest import Manifest, hash_file
from models.registry import REPORT_FILE, Registry
from models.spreadsheet import Row
from models.train import Material, Origin, TrainSettings, train_on
from models.train import Progress as Step

_SUFFIXES = (".csv", ".txt")
_NOTES = (
    "The messages are the owner's. Messages of the shipped pack (CC0) joined as out of scope, and moods that the file "
    "does not label are as the shipped bundle reads them."
)


def is_own(data: Path) -> bool:
    """Whether it is a file of labelled messages, and not the folder of public data."""
    return data.suffix.lower() in _SUFFIXES or data.is_file()


def run(options: argparse.Namespace, origin: Origin, output: Path) -> None:
    """Train, record the run, sign, and say what to write next."""
    began = time.monotonic()
    rows = spreadsheet.read(options.data)
    with Progress(console=console) as progress:
        task = progress.add_task("reading", total=None)
        manifest, lines = _train(
            options, origin, output, rows, lambda step: progress.update(task, description=step)
        )
        progress.update(task, total=1, completed=1)
    parameters = {"data": str(options.data), "rows": len(rows), "seed": manifest.seed}
    report = own_report.write(manifest, lines)
    place = Registry().record(
        manifest, output, seconds=time.monotonic() - began, parameters=parameters, report=report
    )
    signed = sign_if_possible(output, options.key)
    _say(manifest, lines, output, place, signed=signed)


def _train(
    options: argparse.Namespace, origin: Origin, output: Path, rows: Sequence[Row], step: Step
) -> tuple[Manifest, list[IntentAdvice]]:
    pack = own.make_pack(rows, dataset.read(PACK), load(BUNDLE))
    material = Material(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", options.data.stem).strip("-.") or "own",
        pack=pack,
        sources={
            options.data.name: {
                "licence": "the owner's",
                "rows": len(rows),
                "sha256": hash_file(options.data),
            },
            PACK.name: {"licence": "CC0-1.0", "rows": len(pack.utterances) - len(rows), "sha256": ""},
        },
        notes=_NOTES,
    )
    settings = TrainSettings(pack=PACK, output=output, created=options.created)
    validated, manifest = train_on(material, settings, origin, step)
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    counts = own.count_by_intent(rows)
    return manifest, advice.advise(validated, examples, origin.encoder, pack.taxonomy.intents, counts)


def _say(
    manifest: Manifest, lines: Sequence[IntentAdvice], output: Path, place: Path, *, signed: bool
) -> None:
    grid = Grid("intent", "messages", "recall", "mostly taken for", "what to write next")
    for line in lines:
        cells = (line.intent, str(line.messages), f"{line.recall:.2f}", line.taken_for, line.advice or "fine")
        grid.add_row(*cells)
    console.print(grid)
    value, low, high = manifest.scores["intent_accuracy"]
    console.print(
        f"wrote {output} ({manifest.id}{'' if signed else ', not signed'}); intent accuracy on messages left out "
        f"{value:.3f} [{low:.3f}, {high:.3f}]; the run and its report: {place / REPORT_FILE}",
        markup=False,
    )
