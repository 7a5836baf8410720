"""The bundles of this engine on its disk: one folder each, under the bundle's id."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from engine.bundles.ports import Card, Loader, Meter
from engine.bundles.proof import prove
from engine.errors import ConflictError, InvalidArgumentError, NotFoundError
from engine.ports import Classifier

P = ParamSpec("P")
R = TypeVar("R")

MANIFEST: Final = "manifest.json"
MOST_BYTES: Final = 32 * 1024 * 1024  # of a bundle
_MOST_FILES: Final = 64
_DEEPEST: Final = 3  # parts of a path
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A bundle that lies here; `card` is None where even its manifest is of no use."""

    bundle_id: str
    card: Card | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The bundle that an engine was started with: it is trusted as the program is."""

    card: Card
    load: Callable[[], tuple[Classifier, Meter | None]]  # raises ValueError that says what is wrong


class Cabinet:
    """Safe to share between threads, as long as one puts at a time."""

    def __init__(self, *, folder: Path, home: Home, loader: Loader) -> None:
        self._folder = folder
        self._home = home
        self._loader = loader

    @property
    def home_id(self) -> str:
        """The bundle that the engine was started with."""
        return self._home.card.id

    def list_entries(self) -> list[Entry]:
        """All, by id; whether a file is damaged is found only when the bundle is loaded."""
        folders = sorted(one for one in self._folder.glob("[!.]*") if one.is_dir())
        found = {one.name: self._describe(one) for one in folders}
        found[self.home_id] = Entry(self.home_id, self._home.card)
        return [found[name] for name in sorted(found)]

    def card(self, bundle_id: str) -> Card:
        """What a bundle says of itself. Raises: NotFoundError, ConflictError."""
        if bundle_id == self.home_id:
            return self._home.card
        return _refusing(self._loader.describe, self._place(bundle_id))

    def load(self, bundle_id: str) -> tuple[Classifier, Meter | None]:
        """The bundle, checked anew, and its meter. Raises: NotFoundError, ConflictError with the reason."""
        if bundle_id == self.home_id:
            return _refusing(self._home.load)
        folder = self._place(bundle_id)
        if self.card(bundle_id).id != bundle_id:
            raise ConflictError(f"folder {bundle_id} holds another bundle: put it again")
        classifier, meter = _refusing(self._loader.load, folder)
        prove(classifier)
        return classifier, meter

    def put(self, files: Mapping[str, bytes]) -> Card:
        """Keep a bundle once it proved to be whole. Raises: InvalidArgumentError, ConflictError."""
        _check_names(files)
        fresh = self._folder / ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _write(fresh, files)
            card = _refusing(self._loader.describe, fresh)
            if not _ID.fullmatch(card.id):
                raise ConflictError("the manifest's id is not 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
            prove(_refusing(self._loader.load, fresh)[0])
            self._take(fresh, self._folder / card.id)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return card

    def holds(self, bundle_id: str) -> bool:
        """Whether it lies here."""
        return bundle_id == self.home_id or (self._folder / bundle_id).is_dir()

    def _take(self, fresh: Path, target: Path) -> None:
        if target.name == self.home_id:
            raise ConflictError(f"bundle {self.home_id} is here already: the engine was started with it")
        if target.is_dir() and (target / MANIFEST).read_bytes() != (fresh / MANIFEST).read_bytes():
            raise ConflictError(
                f"another bundle is named {target.name}: train this one again under another name"
            )
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)

    def _place(self, bundle_id: str) -> Path:
        folder = self._folder / bundle_id
        if not _ID.fullmatch(bundle_id) or not folder.is_dir():
            raise NotFoundError(
                f"no bundle {bundle_id[:64]}: put it first, `python -m models list` shows all"
            )
        return folder

    def _describe(self, folder: Path) -> Entry:
        try:
            return Entry(folder.name, self._loader.describe(folder))
        except (ValueError, OSError) as error:
            return Entry(folder.name, None, str(error))


def _refusing(read: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `read` gives. Raises: ConflictError with the reason."""
    try:
        return read(*args, **kwargs)
    except (ValueError, OSError) as error:
        raise ConflictError(str(error)) from error


def _check_names(files: Mapping[str, bytes]) -> None:
    if MANIFEST not in files:
        raise InvalidArgumentError("files", f"has no {MANIFEST}; give all files of a bundle's folder")
    if len(files) > _MOST_FILES:
        raise InvalidArgumentError("files", f"has {len(files)} entries, must have 1 to {_MOST_FILES}")
    size = sum(map(len, files.values()))
    if size > MOST_BYTES:
        raise InvalidArgumentError("files", f"is {size} bytes in all, the limit is {MOST_BYTES}")
    for name in files:
        parts = name.split("/")
        if len(parts) > _DEEPEST or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidArgumentError("files", f"{name[:100]!r} is no path inside a bundle")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
