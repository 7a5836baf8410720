"""A bundle's manifest: what is in the folder, what it was made of, and proof that nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from models.errors import BundleError

FORMAT: Final = 2
MANIFEST_FILE: Final = "manifest.json"
SCORE: Final = 3  # numbers: value, low, high
_BLOCK: Final = 1 << 20  # bytes
_AGAIN: Final = "make it again with `python -m models train`, or copy the whole folder again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `manifest.json` holds; the loader trusts only files whose SHA-256 stands here."""

    format: int
    id: str
    created: str  # date, ISO 8601
    encoder: Mapping[str, str | int]  # kind, dimension, fingerprint
    intents: tuple[str, ...]
    skills: Mapping[str, str]
    thresholds: Mapping[str, Mapping[str, float]]  # language -> scope and anger, for people to read
    data: Mapping[str, Mapping[str, str | int]]  # source -> licence, rows, SHA-256
    seed: int
    scores: Mapping[str, tuple[float, float, float]]  # name -> value, low, high (95 % interval)
    files: Mapping[str, str]  # path in the folder -> SHA-256
    signature: str = ""  # Ed25519 over the rest, base64; empty: not signed
    key: str = ""  # the public key it was signed with, base64

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and check `manifest.json`. Raises: BundleError."""
        content = _read_json(folder)
        if content.get("format") != FORMAT:
            raise BundleError(
                f"{folder}/{MANIFEST_FILE}: format {content.get('format')!r}, this program reads {FORMAT}; "
                "train the bundle again with this version, or install the version that made it"
            )
        try:
            manifest = cls(**{**content, "intents": tuple(content["intents"])})
        except (KeyError, TypeError) as error:
            raise BundleError(f"{folder}/{MANIFEST_FILE}: incomplete ({error}); {_AGAIN}") from error
        if wrong := _wrong_fields(manifest):
            raise BundleError(f"{folder}/{MANIFEST_FILE}: {', '.join(wrong)} of the wrong kind; {_AGAIN}")
        return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Prove that every listed file is there and unchanged, and no other. Raises: BundleError."""
    for name, expected in manifest.files.items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise BundleError(
                f"{folder}/{MANIFEST_FILE}: names a file outside the bundle, {name!r}; do not use it"
            )
        if not path.is_file():
            raise BundleError(f"{folder}: {name} is missing; {_AGAIN}")
        if hash_file(path) != expected:
            raise BundleError(f"{folder}: {name} is damaged (its SHA-256 is not the manifest's); {_AGAIN}")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST_FILE and name not in manifest.files:
            raise BundleError(f"{folder}: {name} is not in the manifest; remove it, or {_AGAIN}")


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hash_folder(folder: Path) -> dict[str, str]:
    """Give path -> SHA-256 of every file below `folder` but the manifest, in order of path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def _read_json(folder: Path) -> dict[str, Any]:  # as json gives it; the caller checks
    path = folder / MANIFEST_FILE
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such bundle; {_AGAIN}")
    if not path.is_file():
        raise BundleError(f"{folder}: {MANIFEST_FILE} is missing; {_AGAIN}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BundleError(f"{path}: not JSON ({error}); {_AGAIN}") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path}: not a manifest; {_AGAIN}")
    return content


def _wrong_fields(manifest: Manifest) -> list[str]:
    """Names of fields that JSON holds as something else than what is read from them."""
    texts = {name: [getattr(manifest, name)] for name in ("id", "created", "signature", "key")}
    for name in ("skills", "files"):
        value = getattr(manifest, name)
        texts[name] = [*value.keys(), *value.values()] if isinstance(value, dict) else [None]
    texts["intents"] = list(manifest.intents)
    wrong = [name for name, values in texts.items() if not all(isinstance(one, str) for one in values)]
    if not isinstance(manifest.encoder, dict):
        wrong.append("encoder")
    if not all(len(score) == SCORE for score in _scores(manifest)):
        wrong.append("scores")
    return wrong


def _scores(manifest: Manifest) -> list[list[float]]:
    """The scores as lists of numbers; an empty list for what is none."""
    values = manifest.scores.values() if isinstance(manifest.scores, dict) else [None]
    return [
        list(one) if isinstance(one, (list, tuple)) and all(isinstance(v, int | float) for v in one) else []
        for one in values
    ]
