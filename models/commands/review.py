"""`python -m models review`: label what is worth a look, on a local web page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import active
from models import bundle as bundles
from models.commands.command import BUNDLE, Command, console
from models.errors import InputError
from models.review.labels import Labels
from models.review.server import ReviewServer
from models.spreadsheet import read_labelled_texts


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "messages",
        type=Path,
        help='JSON lines {"text": ..., "intent": ...} from the journal; the intent may lack',
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="CSV file that gets the labels; made if need be"
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle that reads them (%(default)s)")
    parser.add_argument("--count", type=int, default=100, help="messages to label (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="of the page (any free one)")


def _run(options: argparse.Namespace) -> None:
    bundle = bundles.load(options.bundle)
    known = read_labelled_texts(options.data)
    picks = active.choose(bundle, active.read_messages(options.messages), known, options.count)
    if not picks:
        raise InputError(f"{options.messages}: nothing in it is worth a label that {options.data} has not")
    with ReviewServer(picks, bundle.intents, Labels(options.data, picks), options.port) as server:
        console.print(
            f"{len(picks)} messages to label into {options.data}; Ctrl-C ends it. Open", markup=False
        )
        console.print(f"  {server.address}", markup=False, soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print(f"{len(server.labels.given)} labels are in {options.data}", markup=False)


COMMAND: Final = Command(
    purpose="Pick the messages that are worth a look, and label them with the keyboard on a local web page.",
    example="python -m models review feedback.jsonl --data my.csv --bundle my-bundle",
    configure=_configure,
    run=_run,
)
