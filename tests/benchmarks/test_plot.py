from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks import plot


def chart(*points: plot.Point, name: str = "engine") -> plot.Chart:
    return plot.Chart(title="Memory", x_label="minutes", y_label="MiB", lines={name: points})


def test_a_chart_is_well_formed_and_names_what_it_shows() -> None:
    found = ElementTree.fromstring(plot.draw(chart((0, 1), (1, 2), name="a <b>")))
    texts = [one.text for one in found.iter("{http://www.w3.org/2000/svg}text")]

    assert {"a <b>", "Memory, MiB", "minutes"} <= set(texts)


def test_the_highest_point_stands_at_the_scale_s_top() -> None:
    assert f'points="70.0,{plot.HEIGHT + 30:.1f} {70 + plot.WIDTH:.1f},30.0"' in plot.draw(
        chart((0, 0), (3, 400))
    )


@pytest.mark.parametrize("points", [(), ((0.0, 0.0),)])
def test_a_chart_of_nothing_is_drawn(points: tuple[plot.Point, ...]) -> None:
    assert ElementTree.fromstring(plot.draw(chart(*points))) is not None
