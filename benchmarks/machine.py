"""Where and with what a report was made."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.process import ROOT

PACKAGES = ("grpcio", "protobuf", "numpy", "scipy", "faiss-cpu", "safetensors", "uvloop")


def describe() -> dict[str, object]:
    """The machine, and how busy it was with other work (`load_1m`: processes that wanted to run)."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_1m": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    """What the services are built on, as far as it is installed."""
    found = {name: version for name in PACKAGES if (version := _version(name))}
    return found | {"sqlite": sqlite3.sqlite_version}


def commit() -> dict[str, object]:
    """Which code ran; `changed` where it is not quite that commit's."""
    return {
        "id": _git("rev-parse", "HEAD") or "unknown",
        "changed": bool(_git("status", "--porcelain", "-uno")),
    }


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
