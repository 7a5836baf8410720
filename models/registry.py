"""The bundles of one installation: which there are, which serves, and which served before.

A registry is a folder: one folder a bundle under its id, and `active.json`, replaced in one step.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from models import bundle, signature
from models.errors import BundleError
from models.manifest import Manifest

ACTIVE_FILE: Final = "active.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Which bundle serves, and those that served before it, the latest last."""

    active: str
    earlier: tuple[str, ...] = ()


class Registry:
    """Add, activate and roll back bundles; a bad one never takes the place of a good one."""

    def __init__(self, folder: Path, *, trusted: Collection[str] = ()) -> None:
        """`trusted` are public keys, base64; without any, bundles need no signature."""
        self._folder = folder
        self._trusted = trusted

    def add(self, source: Path) -> str:
        """Check a bundle and copy it in; give its id. Raises: BundleError."""
        name = self._check(source).id
        target = self._folder / name
        if not target.exists():
            fresh = self._folder / f".{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(source, fresh)
            fresh.rename(target)
        return name

    def list_bundles(self) -> list[Manifest]:
        """Give the manifests of all bundles, in order of id."""
        folders = sorted(path for path in self._folder.iterdir() if path.is_dir() and path.name[0] != ".")
        return [Manifest.load(path) for path in folders]

    def activate(self, name: str) -> Path:
        """Check a bundle again and make it the one that serves; give its folder. Raises: BundleError."""
        target = self._folder / name
        self._check(target)
        now = self.read_activation()
        if now is None:
            self._write(Activation(active=name))
        elif now.active != name:
            self._write(Activation(active=name, earlier=(*now.earlier, now.active)))
        return target

    def roll_back(self) -> Path:
        """Make the bundle before this one serve again; give its folder. Raises: BundleError."""
        now = self.read_activation()
        if now is None or not now.earlier:
            raise BundleError(f"{self._folder}: no bundle served before this one")
        target = self._folder / now.earlier[-1]
        self._check(target)
        self._write(Activation(active=now.earlier[-1], earlier=now.earlier[:-1]))
        return target

    def read_activation(self) -> Activation | None:
        """Give which bundle serves; None before the first activation. Raises: BundleError."""
        path = self._folder / ACTIVE_FILE
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return Activation(active=content["active"], earlier=tuple(content["earlier"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(
                f"{path}: damaged ({error!r}); activate a bundle again after removing it"
            ) from error

    def _check(self, folder: Path) -> Manifest:
        manifest = bundle.load(folder).manifest
        if self._trusted:
            signature.verify(manifest, self._trusted)
        return manifest

    def _write(self, activation: Activation) -> None:
        path = self._folder / ACTIVE_FILE
        fresh = path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(asdict(activation), stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
