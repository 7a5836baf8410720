"""What every command is made of, and the places they take by default."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

PACK: Final = Path("models/packs/ecommerce")
DATA: Final = Path("../shared/data")
BUNDLE: Final = Path("models/bundles/ecommerce")

console: Final = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One word after `python -m models`."""

    purpose: str
    example: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]  # raises ModelsError and OSError
