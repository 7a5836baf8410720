"""The hook that watches the whole suite for a service that unpickles does see one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVICE = """
import collections, pickle
def read(data): return pickle.loads(data)
if __name__ == "__main__": read(pickle.dumps(collections.OrderedDict))
"""


def unpickled(folder: Path, name: str) -> str:
    """What the hook wrote of a program of this name that unpickles."""
    place = folder / "unpickled"
    (folder / f"{name}.py").write_text(SERVICE, encoding="utf-8")
    environ = {
        **os.environ,
        "YINGDA_TEST_UNPICKLED": str(place),
        "PYTHONPATH": f"{folder}{os.pathsep}{os.environ['PYTHONPATH']}",
    }
    subprocess.run([sys.executable, "-m", name], cwd=folder, env=environ, check=True, timeout=60)
    return place.read_text(encoding="utf-8") if place.exists() else ""


@pytest.mark.parametrize("name", ["engine", "gateway"])
def test_a_service_that_unpickles_is_seen(tmp_path: Path, name: str) -> None:
    assert "OrderedDict" in unpickled(tmp_path, name)


def test_a_program_that_is_no_service_may(tmp_path: Path) -> None:
    assert unpickled(tmp_path, "notebook") == ""
