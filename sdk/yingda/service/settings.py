"""Settings of a service: flags over environment over one TOML file over defaults."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

S = TypeVar("S", bound=BaseModel)


class SettingsError(Exception):
    """A setting is unknown or bad; the message names the key, where it stands and the fix."""


def load(
    model: type[S],
    *,
    section: str,
    file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
) -> S:
    """The settings of `[section]`, with `YINGDA_SECTION__KEY` variables and flags that are not None on top.

    `model` must forbid extra keys; a field of it with `repr=False` is a secret and is not shown in an error.
    Raises: SettingsError.
    """
    places: dict[str, str] = {}
    values: dict[str, object] = {}
    for place, found in (
        (f"{file}, [{section}]", _from_file(file, section)),
        ("the environment", _from_environ(environ, section)),
        ("the command line", {key: value for key, value in flags.items() if value is not None}),
    ):
        values |= found
        places |= dict.fromkeys(found, place)
    try:
        return model(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_problem(model, one, places) for one in error.errors())) from None


def _from_file(file: Path | None, section: str) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get(section, {})
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}; name another with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{file}: {section} must be a table; write [{section}]")
    return found


def _from_environ(environ: Mapping[str, str], section: str) -> dict[str, object]:
    prefix = f"YINGDA_{section.upper()}__"
    return {
        name.removeprefix(prefix).lower(): _parsed(value)
        for name, value in environ.items()
        if name.startswith(prefix)
    }


def _parsed(value: str) -> object:
    """Lists and tables are written as JSON; everything else is left for the field's type."""
    if value[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _problem(model: type[BaseModel], error: Any, places: Mapping[str, str]) -> str:  # noqa: ANN401
    key = str(error["loc"][0]) if error["loc"] else ""
    is_secret = key in model.model_fields and not model.model_fields[key].repr
    path = key if is_secret else ".".join(str(part) for part in error["loc"])
    place = places.get(key, "the settings")
    if error["type"] == "value_error":  # a model's own words say enough
        words = str(error["ctx"]["error"])
        return f"{path} in {place}: {words}" if path else words
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{path} in {place}: unknown setting; known are {', '.join(_known(model, error['loc']))}"
    if is_secret:
        return f"{path} in {place}: {error['msg']}"
    return f"{path} in {place}: {error['msg']}, not {error['input']!r}"


def _known(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """What the table that holds the last of `path` knows."""
    table: Any = model
    for part in path[:-1]:
        inner = get_type_hints(table).get(str(part)) if isinstance(table, type) else get_args(table)[-1]
        table = table if inner is None else inner
    if dataclasses.is_dataclass(table):
        return [one.name for one in dataclasses.fields(table)]
    return list(table.model_fields)
