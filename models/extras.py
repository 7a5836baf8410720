"""Load what only the extra `train` installs, when it is needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from models.errors import MissingExtraError


def load(module: str) -> Any:  # noqa: ANN401 (a module of a package without types)
    """Import a module of the extra. Raises: MissingExtraError naming the package."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(module.partition(".")[0].replace("_", "-")) from error
