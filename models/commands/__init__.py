"""The commands of `python -m models`, one a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.commands import check, compare, deploy, evaluate, list_runs, predict, review, sign, teacher, train
from models.commands.command import Command

COMMANDS: Final[Mapping[str, Command]] = {
    "teacher": teacher.COMMAND,
    "train": train.COMMAND,
    "evaluate": evaluate.COMMAND,
    "compare": compare.COMMAND,
    "dataset": check.COMMAND,
    "predict": predict.COMMAND,
    "review": review.COMMAND,
    "list": list_runs.COMMAND,
    **deploy.COMMANDS,
    "key": sign.KEY,
    "sign": sign.SIGN,
}
