"""Write arrays as safetensors: names, shapes and bytes, nothing that could run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays into one file; equal arrays give equal bytes."""
    # safetensors writes memory as it lies, so an array that lies in another order than it is read in would be mixed up.
    path.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
