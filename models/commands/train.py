"""`python -m models train`."""

from __future__ import annotations

import argparse
import datetime
import time
from pathlib import Path
from typing import Final

from rich.progress import Progress

from models.bundle import ENCODER_FOLDER
from models.commands import train_own
from models.commands.command import BUNDLE, DATA, PACK, Command, console
from models.commands.sign import add_key, sign_if_possible
from models.registry import Registry
from models.teacher import CACHE
from models.train import Origin, TrainSettings, distill_encoder, load_encoder, take_model, train


def _configure(parser: argparse.ArgumentParser) -> None:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument("--pack", type=Path, default=PACK, help="folder to learn from (%(default)s)")
    parser.add_argument(
        "--output", type=Path, help=f"bundle folder to write ({BUNDLE}; of own data: NAME-bundle)"
    )
    parser.add_argument(
        "--created", default=today, help="date in the manifest; fix it for equal bytes (today)"
    )
    parser.add_argument("--encoder", type=Path, help="keep the encoder of this folder, train the heads alone")
    parser.add_argument("--encoder-model", help="use a sentence-transformers model instead, by name or path")
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="a CSV file of your own messages (text, intent, and lang, skill, anger, author if you have them), or the "
        "folder of public data to distil from (%(default)s)",
    )
    add_key(parser)
    parser.add_argument("--cache", type=Path, default=CACHE, help="teacher vectors (%(default)s)")


def _run(options: argparse.Namespace) -> None:
    if train_own.is_own(options.data):
        _run_own(options)
        return
    began = time.monotonic()
    output = options.output or BUNDLE
    settings = TrainSettings(pack=options.pack, output=output, created=options.created)
    with Progress(console=console) as progress:
        origin = _find_encoder(options, progress)
        task = progress.add_task("heads", total=None)
        manifest = train(settings, origin, lambda step: progress.update(task, description=step))
        progress.update(task, total=1, completed=1)
    parameters = {"pack": str(options.pack), "seed": manifest.seed}
    Registry().record(manifest, output, seconds=time.monotonic() - began, parameters=parameters)
    if options.output:  # what is shipped is trusted as the program is, and stays as everybody gets it
        sign_if_possible(output, options.key)
    accuracy = manifest.scores["intent_accuracy"][0]
    console.print(f"wrote {output} ({manifest.id}); intent accuracy on unseen authors {accuracy:.3f}")


def _run_own(options: argparse.Namespace) -> None:
    output = options.output or Path(f"{options.data.stem}-bundle")
    chosen = options.encoder or BUNDLE / ENCODER_FOLDER
    origin = take_model(options.encoder_model) if options.encoder_model else load_encoder(chosen)
    train_own.run(options, origin, output)


def _find_encoder(options: argparse.Namespace, progress: Progress) -> Origin:
    if options.encoder_model:
        return take_model(options.encoder_model)
    return load_encoder(options.encoder) if options.encoder else _distill(options, progress)


def _distill(options: argparse.Namespace, progress: Progress) -> Origin:
    task = progress.add_task("distilling the encoder", total=None)
    return distill_encoder(
        options.data,
        options.pack,
        options.cache,
        lambda done, total: progress.update(task, completed=done, total=total),
    )


COMMAND: Final = Command(
    purpose="Train a bundle from a pack, or from a CSV file of your own.",
    example="python -m models train --data my.csv --output my-bundle",
    configure=_configure,
    run=_run,
)
