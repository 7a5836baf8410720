"""`python -m models train`."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Final

from models.bundle import ENCODER_FOLDER
from models.commands.command import BUNDLE, PACK, Command, console
from models.train import TrainSettings, train


def _configure(parser: argparse.ArgumentParser) -> None:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument("--pack", type=Path, default=PACK, help="folder to learn from (%(default)s)")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="bundle folder to write (%(default)s)")
    parser.add_argument(
        "--encoder", type=Path, default=BUNDLE / ENCODER_FOLDER, help="encoder folder (%(default)s)"
    )
    parser.add_argument(
        "--created", default=today, help="date in the manifest; fix it for equal bytes (today)"
    )


def _run(options: argparse.Namespace) -> None:
    settings = TrainSettings(
        pack=options.pack, output=options.output, encoder=options.encoder, created=options.created
    )
    with console.status("training") as status:
        manifest = train(settings, status.update)
    accuracy = manifest.scores["intent_accuracy"][0]
    console.print(f"wrote {options.output} ({manifest.id}); intent accuracy on unseen authors {accuracy:.3f}")


COMMAND: Final = Command(
    purpose="Train a bundle from a pack.",
    example="python -m models train --pack models/packs/ecommerce --output models/bundles/ecommerce",
    configure=_configure,
    run=_run,
)
