"""What a distribution needs, and whether it is there."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from importlib import metadata

_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<": operator.lt,
    "==": operator.eq,
}


def needed_by(distribution: str) -> list[str]:
    """Its requirements, those of extras left out, such as "grpcio<2,>=1.85.0". Raises: PackageNotFoundError."""
    return [one for one in metadata.requires(distribution) or [] if ";" not in one]


def name(requirement: str) -> str:
    """Such as "grpcio"."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def problem(requirement: str) -> str:
    """What is wrong with what is installed; empty if nothing is."""
    try:
        found = metadata.version(name(requirement))
    except metadata.PackageNotFoundError:
        return f"{name(requirement)} is missing"
    bounds: list[tuple[str, str]] = re.findall(r"(>=|<|==)\s*([0-9][0-9.]*)", requirement)
    if all(_COMPARE[sign](_release(found), _release(bound)) for sign, bound in bounds):
        return ""
    return f"{name(requirement)} is {found}, needed is {requirement}"


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version without trailing zeros, so that 2.0 equals 2."""
    found = re.match(r"[0-9.]*", version)
    numbers = [int(part) for part in (found.group() if found else "").split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
