"""`python -m models predict`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import bundle as bundles
from models import predict
from models.commands.command import BUNDLE, Command, console


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", type=Path, required=True, help='JSON lines {"text": "..."}')
    parser.add_argument("--output", type=Path, required=True, help="JSON lines to write, in the same order")
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle folder (%(default)s)")


def _run(options: argparse.Namespace) -> None:
    count = predict.write_answers(bundles.load(options.bundle), options.input, options.output)
    console.print(f"wrote {count} answers to {options.output}")


COMMAND: Final = Command(
    purpose="Write intent, skill, confidence, sentiment and anger of each line of a file.",
    example="python -m models predict --input messages.jsonl --output answers.jsonl",
    configure=_configure,
    run=_run,
)
