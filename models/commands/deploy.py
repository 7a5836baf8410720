"""`python -m models activate | rollback | shadow | canary | status`: the same as `yingda models ...`, which is run."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

from models.commands.command import Command
from models.errors import ModelsError

_PURPOSES: Final = {
    "status": "Show which bundle serves, what is tried beside it, and how far messages have drifted.",
    "activate": "Let a bundle serve in the running engines.",
    "rollback": "End a canary, or let the bundle before serve again.",
    "shadow": "Let a bundle read along in the running engines; nobody sees what it says.",
    "canary": "Let a bundle answer a share of the conversations; guards end it where it does worse.",
}
_EXAMPLES: Final = {
    "status": "python -m models status --json",
    "activate": "python -m models activate my-bundle --reason 'more intents'",
    "rollback": "python -m models rollback --reason 'worse on refunds'",
    "shadow": "python -m models shadow my-bundle",
    "canary": "python -m models canary my-bundle --share 0.1",
}


class RefusedError(ModelsError):
    """The engine or the gateway said no; what it said was printed already."""


def make(name: str) -> Command:
    """The command of this name."""

    def configure(parser: argparse.ArgumentParser) -> None:
        parser.usage = f"python -m models {name} ...  (all that `yingda models {name} --help` lists)"

    def run(options: argparse.Namespace) -> None:
        words = [sys.executable, "-m", "yingda.cli", "models", name, *options.rest]
        if subprocess.run(words, check=False).returncode:
            raise RefusedError(f"{name} was not done")

    return Command(purpose=_PURPOSES[name], example=_EXAMPLES[name], configure=configure, run=run)


COMMANDS: Final = {name: make(name) for name in _PURPOSES}
