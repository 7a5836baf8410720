"""What an encoder was made of, kept beside its table so that every bundle built on it can say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from models import sources
from models.manifest import hash_file
from models.sources import Source

PROVENANCE_FILE: Final = "sources.json"
PACK_LICENCE: Final = "CC0-1.0"

Provenance = Mapping[str, Mapping[str, str | int]]  # source -> licence, rows, sha256


def describe(data: Path, pack: Path) -> Provenance:
    """List the public files and the pack's parallel texts that a distilled table learns from."""
    teacher: dict[str, str | int] = {"licence": "Apache-2.0", "rows": 0, "sha256": ""}
    public = {"all-MiniLM-L6-v2 (teacher)": teacher}
    named = {**sources.ENGLISH, "parallel_zh_en": sources.PARALLEL, **sources.CHINESE}
    listed = {name: _describe_source(data, source) for name, source in named.items()}
    return {**public, **listed, **_describe_parallel(pack)}


def write(folder: Path, provenance: Provenance) -> None:
    """Write the list into an encoder's folder."""
    text = json.dumps(provenance, ensure_ascii=False, indent=1)
    (folder / PROVENANCE_FILE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Provenance:
    """Read the list from an encoder's folder; an encoder of unknown origin has an empty one."""
    path = folder / PROVENANCE_FILE
    found: Provenance = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _describe_source(data: Path, source: Source) -> Mapping[str, str | int]:
    rows = sum(1 for _ in sources.read_rows(data, source))
    return {"licence": source.licence, "rows": rows, "sha256": hash_file(data / source.path)}


def _describe_parallel(pack: Path) -> Provenance:
    return {
        f"{pack.name}/parallel/{file.name}": {
            "licence": PACK_LICENCE,
            "rows": len(file.read_text(encoding="utf-8").splitlines()),
            "sha256": hash_file(file),
        }
        for file in sorted((pack / "parallel").glob("*.tsv"))
    }
