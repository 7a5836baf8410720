"""Lines over time as a page for a browser: one file, no library, nothing loaded from anywhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 260  # pixels of the area with the lines
_LEFT, _TOP, _BOTTOM = 70, 30, 40  # pixels around it
_COLOURS = ("#1f6feb", "#d1570b", "#2da44e", "#8250df", "#bf3989", "#57606a")
_STEPS = 4  # of the scale

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines by name, with what the axes mean; the vertical one begins at 0."""

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Sequence[Point]]


def page(title: str, charts: Sequence[Chart]) -> str:
    """HTML with the charts one below the other."""
    drawn = "\n".join(draw(one) for one in charts)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<body style="font-family:sans-serif;margin:2em">\n<h1>{html.escape(title)}</h1>\n{drawn}\n</body></html>\n'
    )


def draw(chart: Chart) -> str:
    """The chart as SVG."""
    points = [point for line in chart.lines.values() for point in line]
    right = max((x for x, _ in points), default=0) or 1.0
    top = _round_up(max((y for _, y in points), default=0) or 1.0)
    parts = [*_scale(right, top), *_lines(chart, right, top), *_labels(chart)]
    size = f"0 0 {WIDTH + _LEFT + 20} {HEIGHT + _TOP + _BOTTOM}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" width="{WIDTH + _LEFT + 20}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _round_up(value: float) -> float:
    """A round number that is not below, so that the scale has round steps."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * step for step in (1, 2, 4, 5, 8, 10) if power * step >= value * 0.999)


def _place(point: Point, right: float, top: float) -> str:
    return f"{_LEFT + point[0] / right * WIDTH:.1f},{_TOP + HEIGHT - point[1] / top * HEIGHT:.1f}"


def _scale(right: float, top: float) -> list[str]:
    found = []
    for step in range(_STEPS + 1):
        y = _TOP + HEIGHT - step / _STEPS * HEIGHT
        x = _LEFT + step / _STEPS * WIDTH
        found += [
            f'<line x1="{_LEFT}" x2="{_LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{top * step / _STEPS:g}</text>',
            f'<text x="{x}" y="{_TOP + HEIGHT + 16}" text-anchor="middle">{right * step / _STEPS:g}</text>',
        ]
    return found


def _lines(chart: Chart, right: float, top: float) -> list[str]:
    found = []
    for number, (name, line) in enumerate(chart.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = " ".join(_place(point, right, top) for point in line)
        x = _LEFT + 10 + number * 150
        found += [
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
            f'<text x="{x}" y="{_TOP + 14}" fill="{colour}">{html.escape(name)}</text>',
        ]
    return found


def _labels(chart: Chart) -> list[str]:
    title, x, y = map(html.escape, (chart.title, chart.x_label, chart.y_label))
    return [
        f'<text x="{_LEFT}" y="16" font-size="14">{title}, {y}</text>',
        f'<text x="{_LEFT + WIDTH}" y="{_TOP + HEIGHT + 34}" text-anchor="end">{x}</text>',
    ]
