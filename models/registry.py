"""The runs of an installation: one folder each, with what went in and what came out.

`run.json` holds parameters, metrics, the commit of the code and where the bundle lies; a report lies beside it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from models.errors import InputError
from models.manifest import Manifest

RUNS: Final = Path("runs")
RUN_FILE: Final = "run.json"
REPORT_FILE: Final = "report.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training."""

    bundle_id: str
    bundle: str  # folder
    created: str  # date, ISO 8601
    seconds: float
    commit: str  # of the code; "" where git knows none
    parameters: Mapping[str, object]  # what JSON can hold
    metrics: Mapping[str, tuple[float, float, float]]  # value, low, high


class Registry:
    """Remembers runs below one folder."""

    def __init__(self, folder: Path = RUNS) -> None:
        self._folder = folder

    def record(
        self,
        manifest: Manifest,
        bundle: Path,
        *,
        seconds: float,
        parameters: Mapping[str, object],
        report: str = "",
    ) -> Path:
        """Write a run's folder, and give it; the same bundle made again replaces its run."""
        place = self._folder / manifest.id
        place.mkdir(parents=True, exist_ok=True)
        run = Run(
            bundle_id=manifest.id,
            bundle=str(bundle),
            created=manifest.created,
            seconds=round(seconds, 1),
            commit=find_commit(),
            parameters=dict(parameters),
            metrics=dict(manifest.scores),
        )
        text = json.dumps(asdict(run), ensure_ascii=False, indent=1)
        (place / RUN_FILE).write_text(text + "\n", encoding="utf-8")
        if report:
            (place / REPORT_FILE).write_text(report, encoding="utf-8")
        return place

    def list_runs(self) -> list[Run]:
        """Give all runs, the latest last. Raises: InputError naming the file that cannot be read."""
        files = self._folder.glob(f"*/{RUN_FILE}")
        return sorted((_read(path) for path in files), key=lambda run: (run.created, run.bundle_id))


def find_commit() -> str:
    """Give the commit of the code, "" where it is not under git, with a + where it was changed since."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def _read(path: Path) -> Run:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics = {name: tuple(values) for name, values in content["metrics"].items()}
        return Run(**{**content, "metrics": metrics})
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{path}: not a run ({error!r}); remove the folder, or train again") from error
