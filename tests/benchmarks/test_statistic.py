from __future__ import annotations

import itertools

import pytest

from benchmarks.statistic import arrivals, percentile


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.999) == 7.0


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_equal_seeds_give_equal_arrivals() -> None:
    assert arrivals(300, 2, "1") == arrivals(300, 2, "1")
    assert arrivals(300, 2, "1") != arrivals(300, 2, "2")


def test_arrivals_come_in_order_and_in_time() -> None:
    offsets = arrivals(300, 2, "1")

    assert offsets == sorted(offsets)
    assert offsets[0] > 0
    assert offsets[-1] < 2


def test_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    offsets = arrivals(1000, 20, "1")
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5

    assert mean == pytest.approx(1e-3, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05)
