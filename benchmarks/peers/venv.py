"""Virtual environments, one for each peer's program, made once and kept.

They are not compiled: each program is run once to learn before it is measured, which compiles what it imports.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkError

LIMIT = 1800.0  # seconds that an installation may take
_STAMP = "installed.txt"
_REASON = 300  # characters of pip's last words
_NOISE = re.compile(r"^(WARNING|DEPRECATION|\[notice\]).*\n?", re.MULTILINE)
_WANTED = re.compile(r"([\w.]+) Requires-Python ([^;\n]+)")

Progress = Callable[[str], None]


def make(folder: Path, requirements: Sequence[str], progress: Progress, limit: float = LIMIT) -> Path:
    """The interpreter of an environment with these packages. Raises: BenchmarkError with pip's reason."""
    python = folder / "bin" / "python"
    wanted = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    progress(f"{folder.name}: installing {', '.join(requirements)} (minutes)")
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)], limit)
    _run(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-compile",
            "-q",
            *requirements,
        ],
        limit,
    )
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """What is installed of these."""
    code = "import sys, importlib.metadata as m; [print(m.version(name)) for name in sys.argv[1:]]"
    done = subprocess.run([str(python), "-c", code, *packages], capture_output=True, text=True, check=True)
    return dict(zip(packages, done.stdout.split(), strict=True))


def reason(said: str) -> str:
    """The part of pip's words that says why: its last error, and which Python the newest release wants."""
    words = _NOISE.sub("", said).strip()
    errors = [line.removeprefix("ERROR: ") for line in words.splitlines() if line.startswith("ERROR: ")]
    wanted = {_numbers(version): (version, bound) for version, bound in _WANTED.findall(words)}
    hint = ""
    if wanted:
        version, bound = wanted[max(wanted)]
        hint = f"; {version} wants Python {bound.strip()}, this is {platform.python_version()}"
    return ((errors[-1] if errors else words)[-_REASON:] or "pip gave no reason") + hint


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _run(command: Sequence[str], limit: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"was not installed within {limit / 60:.0f} minutes") from None
    if done.returncode:
        raise BenchmarkError(f"does not install: {reason(done.stderr)}")
