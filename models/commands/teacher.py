"""`python -m models teacher`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from rich.progress import Progress

from models import distill
from models.commands.command import DATA, PACK, Command, console
from models.teacher import CACHE, PACKAGED, TeacherCache, load_encoder


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public data (%(default)s)")
    parser.add_argument(
        "--pack", type=Path, default=PACK, help="pack whose parallel texts join (%(default)s)"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder to keep the vectors in (%(default)s)"
    )
    parser.add_argument(
        "--model", default=PACKAGED, help="sentence-transformers model, name or path (%(default)s)"
    )


def _run(options: argparse.Namespace) -> None:
    texts = distill.list_teacher_texts(options.data, options.pack)
    cache = TeacherCache(options.cache)
    with Progress(console=console) as progress:
        task = progress.add_task("teacher vectors", total=len(cache.missing(texts)))
        cache.fill(texts, load_encoder(options.model), lambda done, _: progress.update(task, completed=done))
    console.print(f"{len(texts)} texts have a vector in {options.cache}")


COMMAND: Final = Command(
    purpose="Compute and keep the teacher's vectors that distillation needs (minutes, once).",
    example="python -m models teacher --data ../shared/data",
    configure=_configure,
    run=_run,
)
