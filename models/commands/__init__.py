"""The commands of `python -m models`, one a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.commands import evaluate, predict, train
from models.commands.command import Command

COMMANDS: Final[Mapping[str, Command]] = {
    "train": train.COMMAND,
    "evaluate": evaluate.COMMAND,
    "predict": predict.COMMAND,
}
