"""A report for people: one line a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_LARGE = 1000  # from here on decimals say nothing


def render(report: Mapping[str, object]) -> str:
    """Two columns: the path to a number, and the number."""
    lines = list(_flatten("", report))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines) + "\n"


def _flatten(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flatten(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(map(_is_nested, value)):
        for number, inner in enumerate(value):
            yield from _flatten(f"{path}[{number}]", inner)
    else:
        yield path, _text(value)


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return str(value)
