"""The label set of a pack: intents, the skill that serves each, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from models.errors import PackError

OUT_OF_SCOPE: Final = "out_of_scope"
LANGUAGES: Final = ("zh", "en")
SENTIMENTS: Final = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """The intents in their written order, out_of_scope left out, and everyone's skill."""

    intents: tuple[str, ...]
    skills: dict[str, str]  # out_of_scope included


def read(path: Path) -> Taxonomy:
    """Read a `taxonomy.yaml`. Raises: PackError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [*content["intents"], content[OUT_OF_SCOPE]]
        skills = {str(entry["id"]): str(entry["skill"]) for entry in entries}
        known = set(content["skills"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise PackError(
            f"{path}: not a taxonomy ({error}); see models/packs/ecommerce/taxonomy.yaml"
        ) from error
    _check(path, entries, skills, known)
    return Taxonomy(intents=tuple(name for name in skills if name != OUT_OF_SCOPE), skills=skills)


def _check(path: Path, entries: list[object], skills: dict[str, str], known: set[str]) -> None:
    if len(skills) != len(entries):
        raise PackError(f"{path}: an intent stands there twice; give each its own id")
    for intent, skill in skills.items():
        if skill not in known:
            raise PackError(f"{path}: {intent} has skill {skill!r}, which is not among `skills`")
