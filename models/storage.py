"""Write arrays as safetensors: names, shapes and bytes, nothing that could run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors.numpy import save


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays into one file; equal arrays give equal bytes."""
    path.write_bytes(save(dict(arrays)))
